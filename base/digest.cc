// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <openssl/evp.h>
#include <span>
#include <unistd.h>
#include <vector>

#include "base/file_io.h"

namespace ballast {
namespace {

constexpr std::size_t kChunk = 256UL << 10;

// OpenSSL can only fail here when memory is gone or its own configuration disables it;
// there is no digest to return then, and a wrong one would be accepted as a name for content.
void require(int success) {
    if (success != 1) {
        (void)std::fputs("a digest is not available: check OpenSSL's configuration\n", stderr);
        std::abort();
    }
}

class Sha256 {
  public:
    Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        require(context_ != nullptr ? EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) : 0);
    }
    void update(std::string_view bytes) { require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }
    std::string finish() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int size = 0;
        require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
        return hexadecimal(std::span(digest).first(size));
    }

  private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

} // namespace

std::string hexadecimal(std::span<const unsigned char> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes) {
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 0xfU];
    }
    return text;
}

std::string sha256(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

std::string sha1(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr));
    return {reinterpret_cast<const char *>(digest.data()), size};
}

Result<std::string> sha256_file(const std::filesystem::path &file) {
    Fd fd = TRY(open_file(file, O_RDONLY));
    Sha256 hash;
    std::vector<char> buffer(kChunk);
    while (true) {
        ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno("read " + file.string());
        }
        if (got == 0) {
            return hash.finish();
        }
        hash.update({buffer.data(), static_cast<std::size_t>(got)});
    }
}

} // namespace ballast
