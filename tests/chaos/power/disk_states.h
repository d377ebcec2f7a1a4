// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "tests/chaos/power/write_log.h"

namespace ballast::power {

// Between two flushes: what is before `first` outlives a power cut, the requests [first, last) may or may not.
struct Interval {
    std::size_t first = 0, last = 0;
    std::string step; // the last mark before it
};

// Where marks are that a guest writes by itself: text up to a NUL at the beginning of this sector, which belongs to
// nobody (between the partition table and the first partition).
inline constexpr std::uint64_t kMarkSector = 1000;
inline constexpr std::uint64_t kSectorSize = 512; // bytes; what a disk writes whole or not at all

// The log cut at every flush. Marks of both kinds name the steps.
Result<std::vector<Interval>> intervals_of(const WriteLog &log);

// A disk that walks through its own past, forward only; each step costs what was written in it.
class DiskStates {
  public:
    // `disk`: the content at the beginning of the log, raw; it is written to.
    static Result<DiskStates> open(const WriteLog &log, const std::filesystem::path &disk);

    // Everything before `interval` is there, nothing of it: the power went right after the flush. The same interval
    // again, or a later one.
    Status show_dropped(const Interval &interval);
    // Some of the interval's requests are there as well, by chance of `seed`: each whole, not at all, or cut at a
    // sector. What outlives a power cut by itself (FUA) is there.
    Status show_torn(const Interval &interval, std::uint64_t seed);

  private:
    DiskStates(const WriteLog &log, Fd disk) : log_(&log), disk_(std::move(disk)) {}
    Status put(const LoggedRequest &request, std::uint64_t size, bool for_good);
    Status take_back();

    struct Before {
        std::uint64_t offset;
        std::string bytes;
    };
    const WriteLog *log_;
    Fd disk_;
    std::size_t done_ = 0;       // requests that are there for good
    std::vector<Before> before_; // what torn requests have overwritten, in their order
};

} // namespace ballast::power
