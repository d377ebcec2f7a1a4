// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/digest.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <openssl/evp.h>
#include <span>

#include "base/digest.h"
#include "base/json/json_tree.h"

namespace ballast::image {
namespace {

struct Kind {
    std::string_view name;
    std::size_t digits;
    const EVP_MD *(*function)();
};

constexpr std::array<Kind, 2> kKinds{{{"sha256", 64, EVP_sha256}, {"sha512", 128, EVP_sha512}}};

const Kind &kind_of(Digest::Algorithm algorithm) { return kKinds[static_cast<std::size_t>(algorithm)]; }

bool is_hex(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// OpenSSL can only fail here when memory is gone or its own configuration disables the function; a wrong digest would
// be accepted as a name for content.
void require(int success) {
    if (success != 1) {
        (void)std::fputs("SHA-2 is not available: check OpenSSL's configuration\n", stderr);
        std::abort();
    }
}

} // namespace

Result<Digest> Digest::parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return fail(EINVAL, "digest " + shortly_quoted(text) + ": want ALGORITHM:HEX");
    }
    const auto kind = std::ranges::find(kKinds, text.substr(0, colon), &Kind::name);
    if (kind == kKinds.end()) {
        return fail(EINVAL, "digest " + shortly_quoted(text) + ": only sha256 and sha512 are supported");
    }
    const std::string_view hex = text.substr(colon + 1);
    if (hex.size() != kind->digits || !is_hex(hex)) {
        return fail(EINVAL, "digest " + shortly_quoted(text) + ": want " + std::to_string(kind->digits) +
                                " lower-case hexadecimal digits");
    }
    return Digest(static_cast<Algorithm>(kind - kKinds.begin()), std::string(text));
}

Digest Digest::of(std::string_view bytes, Algorithm algorithm) {
    Hasher hasher(algorithm);
    hasher.update(bytes);
    return hasher.finish();
}

Result<Digest> Digest::of_sha256_hex(std::string_view hex) { return parse("sha256:" + std::string(hex)); }

std::string_view Digest::algorithm_name() const { return kind_of(algorithm_).name; }

std::string_view Digest::hex() const {
    return empty() ? std::string_view() : std::string_view(text_).substr(algorithm_name().size() + 1);
}

struct Hasher::State {
    Digest::Algorithm algorithm;
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Hasher::Hasher(Digest::Algorithm algorithm) : state_(std::make_unique<State>(State{.algorithm = algorithm})) {
    require(state_->context != nullptr
                ? EVP_DigestInit_ex(state_->context.get(), kind_of(algorithm).function(), nullptr)
                : 0);
}

Hasher::Hasher(Hasher &&) noexcept = default;
Hasher &Hasher::operator=(Hasher &&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::string_view bytes) {
    require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
}

Digest Hasher::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    require(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size));
    return *Digest::parse(std::string(kind_of(state_->algorithm).name) + ":" +
                          hexadecimal(std::span(digest).first(size)));
}

Digest chain_id(const Digest &parent, const Digest &diff_id) {
    return parent.empty() ? diff_id : Digest::of(parent.text() + " " + diff_id.text());
}

} // namespace ballast::image
