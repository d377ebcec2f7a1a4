// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/image/stream.h"

// Streams under gzip or zstd, recognised by their content, whatever a media type said.
namespace ballast::image {

enum class Compression : std::uint8_t { kNone, kGzip, kZstd, kBzip2, kXz };

// By the first bytes (6 are enough) of a stream.
Compression compression_of(std::string_view first_bytes);

// What an archive may grow to: a bomb of a few kilobytes would fill the disk otherwise.
struct InflateLimits {
    std::uint64_t most_bytes = 128ULL << 30;
    // Bytes out for each byte in, once more than `free_bytes` came out.
    std::uint64_t most_ratio = 200;
    std::uint64_t free_bytes = 1ULL << 30;
};

// `compressed` as it is without its compression: gzip (several members one after another) by ISA-L's igzip, by zlib
// what that refuses; zstd; none. Fails with EINVAL for damaged streams, ENOTSUP for bzip2 and xz, EFBIG beyond the
// limits. `name` stands in messages.
ByteSource decompressed(ByteSource compressed, const std::string &name, const InflateLimits &limits = {});

// Gzip at the speed of a disk: a member without name and time, so that equal bytes stay equal.
class GzipWriter {
  public:
    explicit GzipWriter(ByteSink sink);
    GzipWriter(const GzipWriter &) = delete;
    GzipWriter &operator=(const GzipWriter &) = delete;
    ~GzipWriter();
    Status write(std::string_view bytes);
    Status close();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace ballast::image
