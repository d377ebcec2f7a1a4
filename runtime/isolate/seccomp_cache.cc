// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_cache.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/isolate/seccomp_compile.h"

namespace ballast::isolate {
namespace {

constexpr std::array<char, 8> kMagic = {'B', 'L', 'S', 'E', 'C', 'C', 'M', 'P'};
constexpr std::uint32_t kVersion = 2; // of what is below and of compile_seccomp()

struct Header {
    std::array<char, 8> magic;
    std::uint32_t version;
    std::uint32_t library;
    std::uint32_t key_size;
    std::uint32_t filter_size; // instructions
    std::uint64_t filter_hash;
};
static_assert(sizeof(Header) == 32, "the file's layout has no gaps");

// Eight bytes at a time; nothing relies on it being hard to forge.
std::uint64_t hash(std::string_view bytes) {
    constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15; // 2^64 over the golden ratio
    std::uint64_t state = bytes.size() * kMultiplier;
    while (!bytes.empty()) {
        std::uint64_t word = 0;
        const std::size_t taken = std::min(bytes.size(), sizeof word);
        std::memcpy(&word, bytes.data(), taken);
        bytes.remove_prefix(taken);
        state = (state ^ word) * kMultiplier;
        state ^= state >> 32U;
    }
    return state;
}

std::string_view bytes_of(const std::vector<sock_filter> &filter) {
    return {reinterpret_cast<const char *>(filter.data()), filter.size() * sizeof(sock_filter)};
}

std::string hexadecimal(std::uint64_t number) {
    std::string text(16, '0');
    for (std::size_t i = text.size(); i-- > 0; number >>= 4U) {
        text[i] = "0123456789abcdef"[number & 0xfU];
    }
    return text;
}

// Every string with its length in front and every list with its own: no content of one can look like the end of it.
class KeyWriter {
  public:
    explicit KeyWriter(std::size_t expected) { key_.reserve(expected); }
    void number(std::uint64_t value) { key_.append(reinterpret_cast<const char *>(&value), sizeof value); }
    void small(std::uint32_t value) { key_.append(reinterpret_cast<const char *>(&value), sizeof value); }
    void text(const std::string &value) {
        small(static_cast<std::uint32_t>(value.size()));
        key_ += value;
    }
    void texts(const std::vector<std::string> &values) {
        small(static_cast<std::uint32_t>(values.size()));
        for (const std::string &value : values) {
            text(value);
        }
    }
    void maybe(std::optional<unsigned> value) { number(value ? *value : UINT64_MAX); }
    std::string take() { return std::move(key_); }

  private:
    std::string key_;
};

Header header_for(std::string_view key, const std::vector<sock_filter> &filter) {
    return {.magic = kMagic,
            .version = kVersion,
            .library = libseccomp_version(),
            .key_size = static_cast<std::uint32_t>(key.size()),
            .filter_size = static_cast<std::uint32_t>(filter.size()),
            .filter_hash = hash(bytes_of(filter))};
}

Fd open_directory(const std::filesystem::path &path) {
    Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory.is_open() && errno == ENOENT && make_directories(path, 0700)) {
        directory = Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    return directory;
}

bool only_ours(BorrowedFd directory) {
    struct stat status{};
    return fstat(directory.get(), &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 0077) == 0;
}

struct Entry {
    timespec made;
    std::string name;
};

std::vector<Entry> entries(BorrowedFd directory) {
    std::vector<Entry> found;
    Fd listing(openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR *)> stream(listing.is_open() ? fdopendir(listing.get()) : nullptr, closedir);
    if (!stream) {
        return found;
    }
    listing.release(); // the stream's now
    while (const dirent *entry = readdir(stream.get())) {
        struct stat status{};
        if (entry->d_name[0] != '.' && fstatat(directory.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            found.push_back({status.st_mtim, entry->d_name});
        }
    }
    return found;
}

// Makes room for one. Temporary files that somebody died over are entries like others, and go in their turn.
void remove_oldest(BorrowedFd directory) {
    std::vector<Entry> all = entries(directory);
    if (all.size() < SeccompCache::kMostEntries) {
        return;
    }
    const auto kept = static_cast<std::ptrdiff_t>(SeccompCache::kMostEntries - 1);
    std::ranges::nth_element(all, all.begin() + kept, [](const Entry &left, const Entry &right) {
        return left.made.tv_sec != right.made.tv_sec ? left.made.tv_sec > right.made.tv_sec
                                                     : left.made.tv_nsec > right.made.tv_nsec;
    });
    for (auto entry = all.begin() + kept; entry != all.end(); ++entry) {
        (void)unlinkat(directory.get(), entry->name.c_str(), 0); // somebody else may have been faster
    }
}

} // namespace

std::string seccomp_key(const oci::Seccomp &profile) {
    constexpr std::size_t kUsual = 12288; // the engines' default profile has 9 KiB
    KeyWriter key(kUsual);
    key.text(profile.default_action);
    key.maybe(profile.default_errno_ret);
    key.texts(profile.architectures);
    key.small(static_cast<std::uint32_t>(profile.syscalls.size()));
    for (const oci::SeccompRule &rule : profile.syscalls) {
        key.text(rule.action);
        key.maybe(rule.errno_ret);
        key.texts(rule.names);
        key.small(static_cast<std::uint32_t>(rule.args.size()));
        for (const oci::SeccompArgument &argument : rule.args) {
            key.small(argument.index);
            key.number(argument.value);
            key.number(argument.value_two);
            key.text(argument.op);
        }
    }
    return key.take();
}

std::string SeccompCache::file_name(std::string_view key) { return hexadecimal(hash(key)); }

SeccompCache SeccompCache::open(const std::filesystem::path &directory) {
    Fd opened = open_directory(directory);
    if (opened.is_open() && !only_ours(opened)) {
        opened.close();
    }
    return SeccompCache(std::move(opened));
}

std::optional<std::vector<sock_filter>> SeccompCache::find(std::string_view key) const {
    if (!directory_.is_open()) {
        return std::nullopt;
    }
    const Fd file(openat(directory_.get(), file_name(key).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file.is_open()) {
        return std::nullopt;
    }
    struct stat status{};
    const std::size_t before = sizeof(Header) + key.size();
    if (fstat(file.get(), &status) != 0 || status.st_size <= static_cast<off_t>(before)) {
        return std::nullopt;
    }
    const std::size_t rest = static_cast<std::size_t>(status.st_size) - before;
    if (rest % sizeof(sock_filter) != 0 || rest / sizeof(sock_filter) > BPF_MAXINSNS) {
        return std::nullopt;
    }
    // One read for all of it: what is there is laid out as what is wanted, or it is not what is wanted.
    Header header{};
    std::string kept(key.size(), '\0');
    std::vector<sock_filter> filter(rest / sizeof(sock_filter));
    const std::array<iovec, 3> parts = {iovec{.iov_base = &header, .iov_len = sizeof header},
                                        iovec{.iov_base = kept.data(), .iov_len = kept.size()},
                                        iovec{.iov_base = filter.data(), .iov_len = rest}};
    if (readv(file.get(), parts.data(), static_cast<int>(parts.size())) != status.st_size) {
        return std::nullopt;
    }
    const Header wanted = header_for(key, filter);
    if (std::memcmp(&header, &wanted, sizeof header) != 0 || kept != key) {
        return std::nullopt;
    }
    return filter;
}

void SeccompCache::store(std::string_view key, const std::vector<sock_filter> &filter) const {
    std::uint64_t number = 0;
    if (!directory_.is_open() || getrandom(&number, sizeof number, 0) != sizeof number) {
        return;
    }
    remove_oldest(directory_);
    const std::string name = file_name(key);
    const std::string temporary = name + "." + hexadecimal(number);
    const Fd file(openat(directory_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return;
    }
    const Header header = header_for(key, filter);
    std::string content(reinterpret_cast<const char *>(&header), sizeof header);
    content += key;
    content += bytes_of(filter);
    if (!write_all(file, content) ||
        renameat(directory_.get(), temporary.c_str(), directory_.get(), name.c_str()) != 0) {
        (void)unlinkat(directory_.get(), temporary.c_str(), 0); // goes in its turn otherwise
    }
}

} // namespace ballast::isolate
