// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/image/digest.h"
#include "runtime/image/manifest.h"
#include "runtime/image/stream.h"

// Content by its digest, in the form of an OCI image layout (image-layout.md): blobs/sha256/HEX. What is on its way in
// is incoming/ALGORITHM.HEX.partial, and is taken up again after an interruption. Thread-safe.
namespace ballast::image {

class BlobStore;

// A blob on its way in. Its bytes can be read behind the writer's back while they come (BlobReader).
class BlobWriter {
  public:
    BlobWriter(const BlobWriter &) = delete;
    BlobWriter &operator=(const BlobWriter &) = delete;
    ~BlobWriter(); // without finish(): what came stays for the next writer, readers fail with ECANCELED

    const Descriptor &descriptor() const { return descriptor_; }
    // Bytes that are here already, from an interrupted transfer: go on behind them. descriptor().size: all of them.
    std::uint64_t offset() const;
    // Forgets what is here, for a source that cannot go on in the middle. Readers fail.
    Status restart();
    // EFBIG beyond the descriptor's size; ENOSPC, with what to do about it, when the disk is full.
    Status write(std::string_view bytes);
    // Checks size (EPROTO, what came stays) and digest (EBADMSG, what came is thrown away), makes it durable, gives it
    // its name.
    Status finish();

  private:
    friend class BlobStore;
    friend class BlobReader;
    struct Shared;
    BlobWriter(BlobStore &store, Descriptor descriptor);
    Status open(bool complete);
    BlobStore &store_;
    Descriptor descriptor_;
    std::shared_ptr<Shared> shared_;
    std::optional<Hasher> hasher_;
    std::uint64_t flushed_ = 0;
    bool finished_ = false;
};

class BlobStore {
  public:
    // Makes what is missing below `root` (blobs/, incoming/, oci-layout; 0700). Partial blobs older than a day are
    // removed.
    static Result<std::unique_ptr<BlobStore>> open(const std::filesystem::path &root);

    bool has(const Digest &digest) const;
    // Bytes; ENOENT.
    Result<std::uint64_t> size(const Digest &digest) const;
    Result<Fd> open_blob(const Digest &digest) const;
    // A document, checked against its digest again: what rots on disk is EBADMSG.
    Result<std::string> read(const Digest &digest, std::uint64_t limit) const;
    std::filesystem::path path(const Digest &digest) const;

    // One writer for a blob at a time: waits while there is another, ECANCELED when `stop` is requested. A blob that is
    // here gives a writer whose offset is its size. Protect the digest by a lease first.
    Result<std::unique_ptr<BlobWriter>> write(const Descriptor &descriptor, std::stop_token stop = {});
    // A whole document.
    Result<Descriptor> add(std::string_view bytes, std::string_view media_type);

    Result<std::vector<std::pair<Digest, std::uint64_t>>> list() const; // with sizes
    // Renames it out of the way (fast, under the caller's lock); missing is fine.
    Status remove(const Digest &digest);
    // Partial blobs without a writer. Returns the bytes freed.
    Result<std::uint64_t> remove_partial();

    const std::filesystem::path &root() const { return root_; }
    std::filesystem::path incoming() const { return root_ / "incoming"; }

  private:
    friend class BlobWriter;
    explicit BlobStore(std::filesystem::path root) : root_(std::move(root)) {}
    std::filesystem::path partial_path(const Digest &digest) const;
    std::filesystem::path root_;
    mutable std::mutex mutex_; // of `writing_` alone
    std::condition_variable_any released_;
    std::set<Digest> writing_;
};

// Reads a blob, or one that is still being written: waits for what has not come yet.
class BlobReader {
  public:
    static Result<BlobReader> open(const BlobStore &store, const Digest &digest);
    static Result<BlobReader> follow(const BlobWriter &writer);
    // As ByteSource. ECANCELED when the writer gave up.
    Result<std::size_t> read(std::span<char> into);
    std::uint64_t position() const { return position_; }

  private:
    Fd fd_;
    std::shared_ptr<BlobWriter::Shared> shared_; // null: the blob is complete
    std::uint64_t position_ = 0;
};

} // namespace ballast::image
