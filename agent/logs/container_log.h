// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/http/target.h"
#include "base/result.h"

namespace ballast::agent {

// What of a container's log is wanted: PodLogOptions (v1).
struct LogRequest {
    bool follow = false;
    bool previous = false; // of the container before this one
    bool timestamps = false;
    bool output = true, errors = true;
    std::optional<std::int64_t> since = {};  // nanoseconds since 1970; this moment included
    std::optional<std::uint64_t> tail = {};  // only the last so many lines
    std::optional<std::uint64_t> limit = {}; // bytes that are told
};
// EINVAL with what is wrong.
Result<LogRequest> read_log_request(const http::Query &query, std::int64_t now);

// A log as container runtimes write it for kubelet ("TIME stdout F TEXT"), from one file on into those that take its
// place.
class ContainerLog {
  public:
    // `file` is below `directory`, and no link leads out of there. ENOENT: there is none; EINVAL: it is something else.
    static Result<ContainerLog> open(const std::filesystem::path &directory, const std::filesystem::path &file,
                                     const LogRequest &request);

    // Adds to `out` what is next. False: that is all for now.
    Result<bool> read(std::string &out);
    // Everything is told that was asked for.
    bool full() const { return request_.limit && *request_.limit == 0; }

  private:
    ContainerLog(std::filesystem::path directory, std::filesystem::path inside, const LogRequest &request)
        : directory_(std::move(directory)), inside_(std::move(inside)), request_(request) {}
    Result<Fd> open_file_now() const;
    Status find_tail(std::uint64_t lines);
    Result<bool> turn_over();
    void take(std::string_view line, std::string &out);
    void tell(std::string_view text, std::string &out);

    std::filesystem::path directory_, inside_;
    LogRequest request_;
    Fd file_, next_;          // the one that has taken its place
    std::uint64_t place_ = 0; // in the file: what was read
    std::string held_;        // of a line that is not whole yet
    bool skips_ = false;      // a line that is too long
    bool line_begins_ = true;
};

} // namespace ballast::agent
