// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <zlib.h>

#include "runtime/image/inflater.h"

namespace ballast::image {
namespace {

constexpr int kGzipWindow = 15 + 16; // the largest window, in gzip's wrapping only
constexpr std::size_t kMostAtOnce = std::numeric_limits<uInt>::max() / 2;

class ZlibInflater : public Inflater {
  public:
    ZlibInflater() : ready_(inflateInit2(&stream_, kGzipWindow) == Z_OK) {}
    ZlibInflater(const ZlibInflater &) = delete;
    ZlibInflater &operator=(const ZlibInflater &) = delete;
    ~ZlibInflater() override {
        if (ready_) {
            (void)inflateEnd(&stream_); // fails for a state that is none
        }
    }

    Result<Step> step(std::string_view in, std::span<char> out) override {
        if (!ready_) {
            return fail(ENOMEM, "no memory for zlib");
        }
        in = in.substr(0, kMostAtOnce);
        out = out.first(std::min(out.size(), kMostAtOnce));
        stream_.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(in.data())); // zlib only lacks the const
        stream_.avail_in = static_cast<uInt>(in.size());
        stream_.next_out = reinterpret_cast<Bytef *>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        const int status = inflate(&stream_, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            return fail(EINVAL, stream_.msg != nullptr ? stream_.msg : "not a gzip stream, or damaged");
        }
        const Step step{.consumed = in.size() - stream_.avail_in,
                        .produced = out.size() - stream_.avail_out,
                        .finished = status == Z_STREAM_END};
        if (step.finished && inflateReset(&stream_) != Z_OK) {
            return fail(EIO, "zlib refuses its own state");
        }
        return step;
    }

  private:
    z_stream stream_{};
    bool ready_;
};

} // namespace

std::unique_ptr<Inflater> make_zlib_inflater() { return std::make_unique<ZlibInflater>(); }

} // namespace ballast::image
