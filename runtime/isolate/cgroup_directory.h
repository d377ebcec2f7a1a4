// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// One cgroup's directory, open: its files are read and written relative to the descriptor. Messages read
// 'cgroup /machine/web: memory.max: "12": Invalid argument'.
namespace ballast::isolate {

class CgroupDir {
  public:
    CgroupDir() = default;
    CgroupDir(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    bool is_open() const { return fd_.is_open(); }
    BorrowedFd fd() const { return fd_; }
    Fd take_fd() && { return std::move(fd_); }        // the descriptor alone
    const std::string &path() const { return path_; } // below the mount of cgroup2

    // A cgroup below this one, by a path of one or more names. Never leaves this file system and follows no links.
    Result<CgroupDir> child(const std::string &path) const;
    // The names of the cgroups right below.
    Result<std::vector<std::string>> children() const;
    // What stands between the two in the names of files: of ("hugetlb.", ".max") "2MB".
    Result<std::vector<std::string>> files(std::string_view before, std::string_view after) const;

    Result<Fd> open(const std::string &file, int flags) const;
    Result<std::string> read(const std::string &file) const; // the whole file
    // Of a file with one record, which the kernel hands out in one piece: one system call less, and no large buffer.
    Result<std::string> read_record(const std::string &file) const;
    Status write(const std::string &file, std::string_view value) const;
    // The error of `file`, with `value` when one was to be written.
    std::unexpected<Error> failed(const std::string &file, std::optional<std::string_view> value, int code) const;

    // Waits until `key` of cgroup.events has `value`. ETIMEDOUT. A cgroup that is removed meanwhile is ENODEV.
    Status wait_for_event(std::string_view key, std::uint64_t value, std::chrono::milliseconds timeout) const;

  private:
    Result<std::vector<std::string>> names(unsigned char type) const;

    Fd fd_;
    std::string path_ = "/";
};

// Of files whose lines are "key value": the number behind `key`, if there is one.
std::optional<std::uint64_t> flat_value(std::string_view text, std::string_view key);
// A whole number, nothing around it but one line end; "max" is the largest.
std::optional<std::uint64_t> whole_number(std::string_view text);

} // namespace ballast::isolate
