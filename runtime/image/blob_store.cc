// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/blob_store.h"

#include <algorithm>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_tree.h"
#include "runtime/image/disk_space.h"

namespace ballast::image {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = 1UL << 20;
constexpr std::uint64_t kWriteBehind = 8ULL << 20; // bytes after which the kernel is told to start writing
constexpr std::time_t kPartialAge = 24L * 60 * 60; // seconds
constexpr std::string_view kLayout = "{\"imageLayoutVersion\":\"1.0.0\"}";
constexpr std::string_view kPartial = ".partial";
constexpr std::string_view kTemporary = ".tmp"; // of layers: nothing that outlives the daemon

std::vector<std::string> names_in(const fs::path &directory) {
    std::vector<std::string> names;
    std::error_code error; // a directory that is not there holds nothing
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
        names.push_back(it->path().filename());
    }
    return names;
}

} // namespace

struct BlobWriter::Shared {
    Fd fd; // for reading and writing
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t written = 0; // what follows is guarded by `mutex`
    bool complete = false;
    bool abandoned = false;
};

BlobWriter::BlobWriter(BlobStore &store, Descriptor descriptor) : store_(store), descriptor_(std::move(descriptor)) {}

BlobWriter::~BlobWriter() {
    if (shared_ != nullptr) {
        const std::lock_guard lock(shared_->mutex);
        shared_->abandoned = !shared_->complete;
        shared_->changed.notify_all();
    }
    const std::lock_guard lock(store_.mutex_);
    store_.writing_.erase(descriptor_.digest);
    store_.released_.notify_all();
}

Status BlobWriter::open(bool complete) {
    shared_ = std::make_shared<Shared>();
    if (complete) {
        shared_->fd = TRY(store_.open_blob(descriptor_.digest));
        shared_->written = descriptor_.size;
        shared_->complete = finished_ = true;
        return {};
    }
    const fs::path path = store_.partial_path(descriptor_.digest);
    shared_->fd = TRY(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    hasher_.emplace(descriptor_.digest.algorithm());
    // What an interrupted transfer left counts again.
    std::vector<char> buffer(kChunk);
    std::uint64_t offset = 0;
    while (offset < descriptor_.size) {
        const ssize_t got =
            pread(shared_->fd.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), descriptor_.size - offset),
                  static_cast<off_t>(offset));
        if (got < 0) {
            return fail_errno("read " + path.string());
        }
        if (got == 0) {
            break;
        }
        hasher_->update({buffer.data(), static_cast<std::size_t>(got)});
        offset += static_cast<std::uint64_t>(got);
    }
    if (ftruncate(shared_->fd.get(), static_cast<off_t>(offset)) != 0) {
        return fail_errno("truncate " + path.string());
    }
    shared_->written = flushed_ = offset;
    return {};
}

std::uint64_t BlobWriter::offset() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->written;
}

Status BlobWriter::restart() {
    if (finished_) {
        return {};
    }
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->abandoned = true;
        shared_->changed.notify_all();
    }
    if (unlink(store_.partial_path(descriptor_.digest).c_str()) != 0 && errno != ENOENT) {
        return fail_errno("remove " + store_.partial_path(descriptor_.digest).string());
    }
    return open(false);
}

Status BlobWriter::write(std::string_view bytes) {
    if (bytes.empty()) {
        return {};
    }
    const std::uint64_t at = offset();
    if (finished_ || bytes.size() > descriptor_.size - at) {
        return fail(EFBIG, "blob " + descriptor_.digest.text() + ": longer than the " +
                               std::to_string(descriptor_.size) + " bytes that were announced");
    }
    hasher_->update(bytes);
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const ssize_t written =
            pwrite(shared_->fd.get(), rest.data(), rest.size(), static_cast<off_t>(at + (bytes.size() - rest.size())));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return explain_full_disk(fail_errno("write blob " + descriptor_.digest.text()), store_.root());
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    const std::uint64_t end = at + bytes.size();
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->written = end;
        shared_->changed.notify_all();
    }
    if (end - flushed_ >= kWriteBehind) {
        // Early, so that finish() waits for little. Only a hint: finish() is what makes it durable.
        (void)sync_file_range(shared_->fd.get(), static_cast<off_t>(flushed_), static_cast<off_t>(end - flushed_),
                              SYNC_FILE_RANGE_WRITE);
        flushed_ = end;
    }
    return {};
}

Status BlobWriter::finish() {
    if (finished_) {
        return {};
    }
    const std::string name = "blob " + descriptor_.digest.text();
    const fs::path partial = store_.partial_path(descriptor_.digest);
    if (offset() != descriptor_.size) {
        return fail(EPROTO, name + ": ended after " + std::to_string(offset()) + " of " +
                                std::to_string(descriptor_.size) + " bytes");
    }
    const Digest digest = hasher_->finish();
    hasher_.reset();
    if (digest != descriptor_.digest) {
        (void)unlink(partial.c_str()); // the next writer would only find the same bytes
        finished_ = true;
        return fail(EBADMSG, name + ": its content is " + digest.text());
    }
    if (fdatasync(shared_->fd.get()) != 0) {
        return explain_full_disk(fail_errno("write " + name), store_.root());
    }
    if (rename(partial.c_str(), store_.path(descriptor_.digest).c_str()) != 0) {
        return fail_errno("rename " + name);
    }
    TRY(sync_directory(store_.path(descriptor_.digest).parent_path()));
    finished_ = true;
    const std::lock_guard lock(shared_->mutex);
    shared_->complete = true;
    shared_->changed.notify_all();
    return {};
}

Result<std::unique_ptr<BlobStore>> BlobStore::open(const fs::path &root) {
    std::unique_ptr<BlobStore> store(new BlobStore(root));
    for (const char *directory : {"blobs/sha256", "blobs/sha512", "incoming"}) {
        TRY(make_directories(root / directory, 0700));
    }
    if (const Result<std::string> layout = read_file(root / "oci-layout"); !layout || *layout != kLayout) {
        TRY(replace_file(root / "oci-layout", kLayout, 0600));
    }
    const std::time_t now = std::time(nullptr);
    for (const std::string &name : names_in(store->incoming())) {
        struct stat status{};
        const fs::path path = store->incoming() / name;
        const bool partial = name.ends_with(kPartial);
        if (!name.ends_with(kTemporary) && !partial) {
            continue; // not of blobs
        }
        if (!partial || (lstat(path.c_str(), &status) == 0 && now - status.st_mtime > kPartialAge)) {
            TRY(remove_tree(path));
        }
    }
    return store;
}

fs::path BlobStore::path(const Digest &digest) const {
    return root_ / "blobs" / digest.algorithm_name() / digest.hex();
}

fs::path BlobStore::partial_path(const Digest &digest) const {
    return incoming() /
           (std::string(digest.algorithm_name()) + "." + std::string(digest.hex()) + std::string(kPartial));
}

bool BlobStore::has(const Digest &digest) const { return !digest.empty() && access(path(digest).c_str(), F_OK) == 0; }

Result<std::uint64_t> BlobStore::size(const Digest &digest) const {
    struct stat status{};
    if (digest.empty() || lstat(path(digest).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(ENOENT, "blob " + digest.text() + ": not in the store");
    }
    return static_cast<std::uint64_t>(status.st_size);
}

Result<Fd> BlobStore::open_blob(const Digest &digest) const {
    if (digest.empty()) {
        return fail(ENOENT, "blob without digest: not in the store");
    }
    return open_file(path(digest), O_RDONLY | O_NOFOLLOW).within("blob " + digest.text());
}

Result<std::string> BlobStore::read(const Digest &digest, std::uint64_t limit) const {
    const Fd fd = TRY(open_blob(digest));
    std::string text = TRY(read_all(fd, "blob " + digest.text(), limit));
    if (Digest::of(text, digest.algorithm()) != digest) {
        return fail(EBADMSG, "blob " + digest.text() + ": damaged on disk");
    }
    return text;
}

Result<std::unique_ptr<BlobWriter>> BlobStore::write(const Descriptor &descriptor, std::stop_token stop) {
    {
        std::unique_lock lock(mutex_);
        if (!released_.wait(lock, stop, [&] { return !writing_.contains(descriptor.digest); })) {
            return fail(ECANCELED, "blob " + descriptor.digest.text() + ": cancelled");
        }
        writing_.insert(descriptor.digest);
    }
    std::unique_ptr<BlobWriter> writer(new BlobWriter(*this, descriptor));
    const Result<std::uint64_t> there = size(descriptor.digest);
    if (there.has_value() && *there != descriptor.size) {
        return fail(EPROTO, "blob " + descriptor.digest.text() + ": announced with " + std::to_string(descriptor.size) +
                                " bytes, has " + std::to_string(*there));
    }
    TRY(writer->open(there.has_value()));
    return writer;
}

Result<Descriptor> BlobStore::add(std::string_view bytes, std::string_view media_type) {
    Descriptor descriptor{.media_type = std::string(media_type), .digest = Digest::of(bytes), .size = bytes.size()};
    const std::unique_ptr<BlobWriter> writer = TRY(write(descriptor));
    if (writer->offset() != descriptor.size || !has(descriptor.digest)) {
        TRY(writer->restart());
        TRY(writer->write(bytes));
        TRY(writer->finish());
    }
    return descriptor;
}

Result<std::vector<std::pair<Digest, std::uint64_t>>> BlobStore::list() const {
    std::vector<std::pair<Digest, std::uint64_t>> blobs;
    for (const char *algorithm : {"sha256", "sha512"}) {
        for (const std::string &name : names_in(root_ / "blobs" / algorithm)) {
            if (Result<Digest> digest = Digest::parse(std::string(algorithm) + ":" + name); digest.has_value()) {
                const std::uint64_t bytes = size(*digest).value_or(0);
                blobs.emplace_back(std::move(*digest), bytes);
            }
        }
    }
    return blobs;
}

Status BlobStore::remove(const Digest &digest) {
    return unlink(path(digest).c_str()) == 0 || errno == ENOENT ? Status() : fail_errno("remove blob " + digest.text());
}

Result<std::uint64_t> BlobStore::remove_partial() {
    std::uint64_t freed = 0;
    const std::lock_guard lock(mutex_); // so that no writer takes one up
    for (const std::string &name : names_in(incoming())) {
        if (!name.ends_with(kPartial)) {
            continue;
        }
        std::string text = name.substr(0, name.size() - kPartial.size());
        std::ranges::replace(text, '.', ':');
        const Result<Digest> digest = Digest::parse(text);
        if (digest.has_value() && writing_.contains(*digest)) {
            continue;
        }
        struct stat status{};
        if (lstat((incoming() / name).c_str(), &status) == 0 && unlink((incoming() / name).c_str()) == 0) {
            freed += static_cast<std::uint64_t>(status.st_size);
        }
    }
    return freed;
}

Result<BlobReader> BlobReader::open(const BlobStore &store, const Digest &digest) {
    BlobReader reader;
    reader.fd_ = TRY(store.open_blob(digest));
    return reader;
}

Result<BlobReader> BlobReader::follow(const BlobWriter &writer) {
    BlobReader reader;
    reader.fd_ = TRY(writer.shared_->fd.duplicate());
    reader.shared_ = writer.shared_;
    return reader;
}

Result<std::size_t> BlobReader::read(std::span<char> into) {
    std::uint64_t size = into.size();
    if (shared_ != nullptr) {
        std::unique_lock lock(shared_->mutex);
        shared_->changed.wait(lock,
                              [&] { return shared_->written > position_ || shared_->complete || shared_->abandoned; });
        if (shared_->abandoned) {
            return fail(ECANCELED, "the transfer was given up");
        }
        size = std::min(size, shared_->written - position_);
        if (size == 0) {
            return 0UL;
        }
    }
    for (;;) {
        const ssize_t got = pread(fd_.get(), into.data(), size, static_cast<off_t>(position_));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno("read blob");
        }
        position_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
    }
}

} // namespace ballast::image
