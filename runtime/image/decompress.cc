// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/decompress.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/image/inflater.h"

namespace ballast::image {
namespace {

constexpr std::size_t kInSize = 256UL << 10;
constexpr std::size_t kMagicSize = 6;
constexpr std::size_t kShortestMember = 18; // of gzip: header and trailer
constexpr std::size_t kFlagsAt = 3;         // in its header

class Stream {
  public:
    Stream(ByteSource compressed, std::string name, const InflateLimits &limits)
        : source_(std::move(compressed)), name_(std::move(name)), limits_(limits), buffer_(kInSize) {}

    Result<std::size_t> read(std::span<char> into) {
        if (!begun_) {
            TRY(begin());
        }
        const std::size_t size = inflater_ == nullptr ? TRY(copy(into)) : TRY(inflate(into));
        out_ += size;
        TRY(check_limits());
        return size;
    }

  private:
    Status begin() {
        begun_ = true;
        while (in_.size() < kMagicSize && TRY(more())) {
        }
        switch (compression_of(in_)) {
        case Compression::kGzip:
            inflater_ = make_igzip_inflater(); // each member gets its own
            gzip_ = true;
            return {};
        case Compression::kZstd:
            inflater_ = make_zstd_inflater();
            return {};
        case Compression::kBzip2:
            return fail(ENOTSUP, name_ + ": bzip2 is not supported; use gzip or zstd");
        case Compression::kXz:
            return fail(ENOTSUP, name_ + ": xz is not supported; use gzip or zstd");
        case Compression::kNone:
            return {};
        }
        return {};
    }

    // More input behind what is left of it. False: there is none.
    Result<bool> more() {
        if (ended_) {
            return false;
        }
        std::memmove(buffer_.data(), in_.data(), in_.size());
        const std::size_t kept = in_.size();
        const std::size_t got = TRY(source_(std::span(buffer_).subspan(kept)));
        ended_ = got == 0;
        taken_ += got;
        in_ = std::string_view(buffer_.data(), kept + got);
        return got > 0;
    }

    Result<std::size_t> copy(std::span<char> into) {
        if (in_.empty() && !TRY(more())) {
            return 0UL;
        }
        const std::size_t size = std::min(into.size(), in_.size());
        std::memcpy(into.data(), in_.data(), size);
        in_.remove_prefix(size);
        return size;
    }

    Result<std::size_t> inflate(std::span<char> into) {
        std::size_t produced = 0;
        while (produced == 0) {
            if (in_.empty() && !TRY(more()) && between_) {
                return 0UL;
            }
            if (between_ && gzip_) {
                TRY(begin_member());
            }
            const Inflater::Step step = TRY(next_step(into));
            const bool idle = step.consumed == 0 && step.produced == 0;
            if (idle && ended_ && !step.finished) {
                return fail(EINVAL, name_ + ": the compressed stream ends in the middle");
            }
            if (idle && !step.finished && !in_.empty()) {
                return fail(EINVAL, name_ + ": the compressed stream does not go on");
            }
            in_.remove_prefix(step.consumed);
            between_ = step.finished;
            produced = step.produced;
        }
        return produced;
    }

    // igzip keeps no optional fields of a header (RFC 1952) from one call to the next; zlib does. Few streams have any.
    Status begin_member() {
        while (in_.size() < kShortestMember && TRY(more())) {
        }
        const bool optional_fields = in_.size() > kFlagsAt && in_[kFlagsAt] != 0;
        inflater_ = optional_fields ? make_zlib_inflater() : make_igzip_inflater();
        between_ = false;
        return {};
    }

    Result<Inflater::Step> next_step(std::span<char> into) {
        Result<Inflater::Step> step = inflater_->step(in_, into);
        // igzip refuses some headers that zlib reads. Only while nothing of the stream is used up can another take
        // over.
        if (!step.has_value() && gzip_ && !tried_zlib_ && out_ == 0 && in_.size() == taken_) {
            tried_zlib_ = true;
            inflater_ = make_zlib_inflater();
            step = inflater_->step(in_, into);
        }
        return std::move(step).within(name_ + ": damaged compressed stream");
    }

    Status check_limits() const {
        if (out_ > limits_.most_bytes) {
            return fail(EFBIG, name_ + ": more than " + std::to_string(limits_.most_bytes) + " bytes when unpacked");
        }
        if (inflater_ != nullptr && out_ > limits_.free_bytes && out_ / limits_.most_ratio > taken_) {
            return fail(EFBIG, name_ + ": grows to more than " + std::to_string(limits_.most_ratio) +
                                   " times its size: a decompression bomb");
        }
        return {};
    }

    ByteSource source_;
    std::string name_;
    InflateLimits limits_;
    std::vector<char> buffer_;
    std::string_view in_; // of buffer_: not used yet
    std::unique_ptr<Inflater> inflater_;
    std::uint64_t taken_ = 0;
    std::uint64_t out_ = 0;
    bool begun_ = false;
    bool ended_ = false;
    bool between_ = true; // two members: here the stream may end
    bool gzip_ = false;
    bool tried_zlib_ = false;
};

} // namespace

Compression compression_of(std::string_view first_bytes) {
    using namespace std::string_view_literals;
    if (first_bytes.starts_with("\x1f\x8b\x08"sv)) {
        return Compression::kGzip;
    }
    if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) {
        return Compression::kZstd;
    }
    // A skippable frame: what some tools put in front of or behind zstd's own.
    if (first_bytes.size() >= 4 && (static_cast<unsigned char>(first_bytes[0]) & 0xf0U) == 0x50 &&
        first_bytes.substr(1, 3) == "\x2a\x4d\x18"sv) {
        return Compression::kZstd;
    }
    if (first_bytes.starts_with("BZh"sv) && first_bytes.size() > 3 && first_bytes[3] >= '1' && first_bytes[3] <= '9') {
        return Compression::kBzip2;
    }
    if (first_bytes.starts_with("\xfd\x37zXZ\0"sv)) {
        return Compression::kXz;
    }
    return Compression::kNone;
}

ByteSource decompressed(ByteSource compressed, const std::string &name, const InflateLimits &limits) {
    auto stream = std::make_shared<Stream>(std::move(compressed), name, limits);
    return [stream](std::span<char> into) { return stream->read(into); };
}

} // namespace ballast::image
