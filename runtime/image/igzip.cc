// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <isa-l/igzip_lib.h>
#include <limits>
#include <vector>

#include "runtime/image/decompress.h"
#include "runtime/image/inflater.h"

namespace ballast::image {
namespace {

constexpr std::size_t kMostAtOnce = std::numeric_limits<std::uint32_t>::max() / 2;
constexpr std::size_t kOutSize = 256UL << 10;

class IgzipInflater : public Inflater {
  public:
    IgzipInflater() { start(); }

    Result<Step> step(std::string_view in, std::span<char> out) override {
        in = in.substr(0, kMostAtOnce);
        out = out.first(std::min(out.size(), kMostAtOnce));
        // The library does not write through next_in, it only lacks the const.
        state_.next_in = reinterpret_cast<std::uint8_t *>(const_cast<char *>(in.data()));
        state_.avail_in = static_cast<std::uint32_t>(in.size());
        state_.next_out = reinterpret_cast<std::uint8_t *>(out.data());
        state_.avail_out = static_cast<std::uint32_t>(out.size());
        const int status = isal_inflate(&state_);
        if (status != ISAL_DECOMP_OK) {
            return fail(EINVAL, status == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "not a gzip stream, or damaged");
        }
        Step step{.consumed = in.size() - state_.avail_in,
                  .produced = out.size() - state_.avail_out,
                  .finished = state_.block_state == ISAL_BLOCK_FINISH};
        if (step.finished) {
            start();
        }
        return step;
    }

  private:
    void start() {
        isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP; // reads headers and compares checksums
    }
    inflate_state state_{};
};

} // namespace

std::unique_ptr<Inflater> make_igzip_inflater() { return std::make_unique<IgzipInflater>(); }

struct GzipWriter::State {
    ByteSink sink;
    isal_zstream stream{};
    std::vector<std::uint8_t> level = std::vector<std::uint8_t>(ISAL_DEF_LVL1_DEFAULT);
    std::vector<std::uint8_t> out = std::vector<std::uint8_t>(kOutSize);

    Status deflate(std::string_view bytes, bool last) {
        do {
            const std::string_view piece = bytes.substr(0, kMostAtOnce);
            bytes.remove_prefix(piece.size());
            stream.next_in = reinterpret_cast<std::uint8_t *>(const_cast<char *>(piece.data()));
            stream.avail_in = static_cast<std::uint32_t>(piece.size());
            stream.end_of_stream = last && bytes.empty() ? 1 : 0;
            do {
                stream.next_out = out.data();
                stream.avail_out = static_cast<std::uint32_t>(out.size());
                if (isal_deflate(&stream) != COMP_OK) {
                    return fail(EIO, "compress: igzip refuses its own state");
                }
                const std::size_t size = out.size() - stream.avail_out;
                if (size > 0) {
                    TRY(sink({reinterpret_cast<const char *>(out.data()), size}));
                }
            } while (stream.avail_out == 0 || stream.avail_in > 0);
        } while (!bytes.empty());
        return {};
    }
};

GzipWriter::GzipWriter(ByteSink sink) : state_(std::make_unique<State>()) {
    state_->sink = std::move(sink);
    isal_deflate_init(&state_->stream);
    state_->stream.gzip_flag = IGZIP_GZIP;
    state_->stream.flush = NO_FLUSH;
    state_->stream.level = 1;
    state_->stream.level_buf = state_->level.data();
    state_->stream.level_buf_size = static_cast<std::uint32_t>(state_->level.size());
}

GzipWriter::~GzipWriter() = default;

Status GzipWriter::write(std::string_view bytes) { return bytes.empty() ? Status() : state_->deflate(bytes, false); }
Status GzipWriter::close() { return state_->deflate({}, true); }

} // namespace ballast::image
