// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include "runtime/image/inflater.h"

namespace ballast::image {
namespace {

class ZstdInflater : public Inflater {
  public:
    Result<Step> step(std::string_view in, std::span<char> out) override {
        if (context_ == nullptr) {
            return fail(ENOMEM, "no memory for zstd");
        }
        ZSTD_inBuffer from{in.data(), in.size(), 0};
        ZSTD_outBuffer to{out.data(), out.size(), 0};
        // Windows over 128 MiB are refused by the library itself.
        const std::size_t left = ZSTD_decompressStream(context_.get(), &to, &from);
        if (ZSTD_isError(left) != 0) {
            return fail(EINVAL, ZSTD_getErrorName(left));
        }
        return Step{.consumed = from.pos, .produced = to.pos, .finished = left == 0};
    }

  private:
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

} // namespace

std::unique_ptr<Inflater> make_zstd_inflater() { return std::make_unique<ZstdInflater>(); }

} // namespace ballast::image
