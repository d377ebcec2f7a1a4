// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

// Digests as names of content (OCI image specification, descriptor.md): "sha256:" or "sha512:" and lower-case
// hexadecimal digits, nothing else. A Digest is safe to be a file's name.
namespace ballast::image {

class Digest {
  public:
    enum class Algorithm : std::uint8_t { kSha256, kSha512 };

    Digest() = default; // empty: names nothing
    // EINVAL for an unknown algorithm, a wrong length or anything but lower-case digits.
    static Result<Digest> parse(std::string_view text);
    static Digest of(std::string_view bytes, Algorithm algorithm = Algorithm::kSha256);
    // 64 lower-case digits as base/digest gives them. EINVAL for others.
    static Result<Digest> of_sha256_hex(std::string_view hex);

    bool empty() const { return text_.empty(); }
    const std::string &text() const { return text_; } // "sha256:…"
    Algorithm algorithm() const { return algorithm_; }
    std::string_view algorithm_name() const; // "sha256"
    std::string_view hex() const;
    // The first 12 digits, as people see ids. Empty for the empty digest.
    std::string shown() const { return std::string(hex().substr(0, 12)); }

    bool operator==(const Digest &other) const { return text_ == other.text_; }
    auto operator<=>(const Digest &other) const { return text_ <=> other.text_; }

  private:
    Digest(Algorithm algorithm, std::string text) : algorithm_(algorithm), text_(std::move(text)) {}
    Algorithm algorithm_ = Algorithm::kSha256;
    std::string text_;
};

// A digest computed while bytes go by.
class Hasher {
  public:
    explicit Hasher(Digest::Algorithm algorithm = Digest::Algorithm::kSha256);
    Hasher(Hasher &&) noexcept;
    Hasher &operator=(Hasher &&) noexcept;
    ~Hasher();
    void update(std::string_view bytes);
    // Once; the hasher takes nothing afterwards.
    Digest finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// What a stack of layers is called (image specification, config.md, "Layer ChainID"): the digest of the lowest layer's
// archive, then sha256(PARENT + " " + DIFF_ID) for each further one. `parent` is empty for the lowest.
Digest chain_id(const Digest &parent, const Digest &diff_id);

} // namespace ballast::image
