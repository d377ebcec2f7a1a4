// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/disk_states.h"

#include <algorithm>
#include <fcntl.h>
#include <random>
#include <ranges>
#include <unistd.h>

#include "base/file_io.h"
#include "base/positioned_io.h"

namespace ballast::power {
namespace {

constexpr const char *kWrite = "write the rebuilt disk", *kRead = "read the rebuilt disk";

Result<std::string> mark_of(const WriteLog &log, const LoggedRequest &request) {
    if (!request.mark.empty() || request.offset != kMarkSector * kSectorSize || request.size == 0 || request.discard) {
        return request.mark;
    }
    const std::string bytes = TRY(log.data(request));
    return bytes.substr(0, bytes.find('\0'));
}

} // namespace

Result<std::vector<Interval>> intervals_of(const WriteLog &log) {
    const std::vector<LoggedRequest> &requests = log.requests();
    std::vector<Interval> intervals{{.first = 0, .last = 0, .step = ""}};
    for (std::size_t at = 0; at < requests.size(); at++) {
        const std::string mark = TRY(mark_of(log, requests[at]));
        if (requests[at].flush) {
            intervals.back().last = at;
            intervals.push_back({.first = at, .last = at, .step = intervals.back().step});
        }
        if (!mark.empty()) {
            intervals.back().step = mark;
        }
    }
    intervals.back().last = requests.size();
    return intervals;
}

Result<DiskStates> DiskStates::open(const WriteLog &log, const std::filesystem::path &disk) {
    return DiskStates(log, TRY(open_file(disk, O_RDWR)));
}

// A discard leaves the bytes as they are: a disk that forgets them is no worse than what was written later.
Status DiskStates::put(const LoggedRequest &request, std::uint64_t size, bool for_good) {
    std::string bytes = TRY(log_->data(request));
    bytes.resize(std::min<std::uint64_t>(size, bytes.size()));
    if (!for_good && !bytes.empty()) {
        std::string there = TRY(read_at(disk_, request.offset, bytes.size(), kRead));
        there.resize(bytes.size()); // what lies behind the end of the file was never written: zeros
        before_.push_back({request.offset, std::move(there)});
    }
    return write_at(disk_, request.offset, bytes, kWrite);
}

Status DiskStates::take_back() {
    for (const Before &before : before_ | std::views::reverse) {
        TRY(write_at(disk_, before.offset, before.bytes, kWrite));
    }
    before_.clear();
    return {};
}

Status DiskStates::show_dropped(const Interval &interval) {
    TRY(take_back());
    if (interval.first < done_) {
        return fail(EINVAL, "a rebuilt disk does not go back");
    }
    for (; done_ < interval.first; done_++) {
        TRY(put(log_->requests()[done_], UINT64_MAX, true));
    }
    return {};
}

Status DiskStates::show_torn(const Interval &interval, std::uint64_t seed) {
    TRY(show_dropped(interval));
    std::mt19937_64 random(seed);
    for (std::size_t at = interval.first; at < interval.last; at++) {
        const LoggedRequest &request = log_->requests()[at];
        std::uint64_t size = 0;
        switch (request.fua ? 0 : random() % 3) {
        case 0:
            size = request.size;
            break;
        case 1:
            break;
        default:
            size = random() % (request.size / kSectorSize + 1) * kSectorSize;
        }
        TRY(put(request, size, false));
    }
    return {};
}

} // namespace ballast::power
