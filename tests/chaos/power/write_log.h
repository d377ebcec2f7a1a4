// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::power {

// What a disk was asked, in the order in which it was done. All places and sizes are bytes.
struct LoggedRequest {
    std::uint64_t offset = 0, size = 0; // on the disk; no size: a flush alone, or a mark
    std::uint64_t data = 0;             // where the written bytes stand in the log
    bool flush = false;                 // all before it outlives a power cut, and what it writes comes after that
    bool fua = false;                   // what it writes outlives a power cut by itself
    bool discard = false;               // writes nothing: the bytes may be anything from now on
    std::string mark = {};              // a word of who recorded, instead of a request
};

// The log of QEMU's driver blklogwrites, which is that of the kernel's dm-log-writes
// (Linux, Documentation/admin-guide/device-mapper/log-writes.rst).
class WriteLog {
  public:
    // EBADMSG, with the place, for a file that is none or ends early.
    static Result<WriteLog> open(const std::filesystem::path &file);

    const std::vector<LoggedRequest> &requests() const { return requests_; }
    // The bytes that a request writes.
    Result<std::string> data(const LoggedRequest &request) const;

  private:
    explicit WriteLog(Fd file) : file_(std::move(file)) {}
    Fd file_;
    std::vector<LoggedRequest> requests_;
};

} // namespace ballast::power
