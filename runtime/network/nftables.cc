// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/nftables.h"

#include <nftables/libnftables.h>

#include "base/quote.h"

namespace ballast::network {

struct Nftables::Context {
    nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    Context() = default;
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;
    ~Context() {
        if (context != nullptr) {
            nft_ctx_free(context);
        }
    }
};

Nftables::Nftables(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Nftables::Nftables(Nftables &&other) noexcept = default;
Nftables &Nftables::operator=(Nftables &&other) noexcept = default;
Nftables::~Nftables() = default;

Result<Nftables> Nftables::open() {
    auto context = std::make_unique<Context>();
    if (context->context == nullptr || nft_ctx_buffer_output(context->context) != 0 ||
        nft_ctx_buffer_error(context->context) != 0) {
        return fail(ENOMEM, "nftables: out of memory");
    }
    return Nftables(std::move(context));
}

Status Nftables::run(const std::string &commands) {
    const int result = nft_run_cmd_from_buffer(context_->context, commands.c_str());
    // Reading them empties the buffers.
    (void)nft_ctx_get_output_buffer(context_->context);
    const char *said = nft_ctx_get_error_buffer(context_->context);
    if (result == 0) {
        return {};
    }
    const std::string text = said == nullptr ? "" : said;
    return fail(EIO, "nftables: " + (text.empty() ? "failed" : escaped(text.substr(0, text.find('\n')))));
}

} // namespace ballast::network
