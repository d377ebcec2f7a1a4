// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/write_log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fcntl.h>
#include <format>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/positioned_io.h"

namespace ballast::power {
namespace {

static_assert(std::endian::native == std::endian::little, "the log's numbers are little-endian");

constexpr std::uint64_t kMagic = 0x6a736677736872; // "rhswfsj"
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kFlush = 1, kFua = 2, kDiscard = 4, kMark = 8;
constexpr std::uint64_t kMostData = 1ULL << 30; // of one request: more is no log

// struct log_write_super and log_write_entry; each has a sector of its own.
struct Super {
    std::uint64_t magic, version, entries;
    std::uint32_t sector_size;
};
struct Entry {
    std::uint64_t sector, sectors, flags, mark_size;
};

Result<std::string> bytes_at(BorrowedFd file, std::uint64_t offset, std::uint64_t size) {
    std::string bytes = TRY(read_at(file, offset, size, "read the log of writes"));
    if (bytes.size() < size) {
        return fail(EBADMSG, std::format("the log of writes ends at byte {}, in the middle of what it counts",
                                         offset + bytes.size()));
    }
    return bytes;
}

template <typename Record>
Result<Record> record_at(BorrowedFd file, std::uint64_t offset) {
    Record record{};
    const std::string bytes = TRY(bytes_at(file, offset, sizeof(record)));
    bytes.copy(reinterpret_cast<char *>(&record), sizeof(record));
    return record;
}

Result<Super> super_of(BorrowedFd file) {
    const auto super = TRY(record_at<Super>(file, 0));
    if (super.magic != kMagic) {
        return fail(EBADMSG, "this is no log of writes: its first bytes are others");
    }
    if (super.version != kVersion) {
        return fail(EBADMSG,
                    std::format("the log of writes has version {}; only {} is known", super.version, kVersion));
    }
    constexpr std::uint32_t kLeast = 512, kMost = 1U << 20;
    if (!std::has_single_bit(super.sector_size) || super.sector_size < kLeast || super.sector_size > kMost) {
        return fail(EBADMSG, std::format("the log of writes has sectors of {} bytes", super.sector_size));
    }
    return super;
}

} // namespace

Result<WriteLog> WriteLog::open(const std::filesystem::path &file) {
    WriteLog log(TRY(open_file(file, O_RDONLY)));
    const Super super = TRY(super_of(log.file_).within(file.string()));
    struct stat status{};
    if (::fstat(log.file_.get(), &status) != 0) {
        return fail_errno("stat " + file.string());
    }
    std::uint64_t at = super.sector_size;
    for (std::uint64_t number = 0; number < super.entries; number++) {
        const std::string where = std::format("{}: request {} at byte {}", file.string(), number, at);
        const auto entry = TRY(record_at<Entry>(log.file_, at).within(where));
        if (entry.flags > (kFlush | kFua | kDiscard | kMark) || entry.sectors > kMostData / super.sector_size ||
            entry.mark_size > super.sector_size - sizeof(Entry)) {
            return fail(EBADMSG, where + " makes no sense");
        }
        LoggedRequest request{.offset = entry.sector * super.sector_size,
                              .size = entry.sectors * super.sector_size,
                              .data = at + super.sector_size,
                              .flush = (entry.flags & kFlush) != 0,
                              .fua = (entry.flags & kFua) != 0,
                              .discard = (entry.flags & kDiscard) != 0};
        if ((entry.flags & kMark) != 0) {
            request.mark = TRY(bytes_at(log.file_, at + sizeof(Entry), entry.mark_size).within(where));
        }
        at += super.sector_size + (request.discard ? 0 : request.size);
        if (at > static_cast<std::uint64_t>(status.st_size)) {
            return fail(EBADMSG, where + " has more data than the file");
        }
        log.requests_.push_back(std::move(request));
    }
    return log;
}

Result<std::string> WriteLog::data(const LoggedRequest &request) const {
    return request.discard ? Result<std::string>(std::string()) : bytes_at(file_, request.data, request.size);
}

} // namespace ballast::power
