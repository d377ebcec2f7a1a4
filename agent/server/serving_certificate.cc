// SPDX-License-Identifier: Apache-2.0
#include "agent/server/serving_certificate.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/random.h>

#include "base/file_io.h"
#include "base/log.h"

namespace ballast::agent {
namespace {

constexpr long kGood = 365L * 24 * 60 * 60; // seconds
constexpr long kSkew = 5 * 60;              // of clocks that are behind ours

template <typename T, void (*release)(T *)>
struct Free {
    void operator()(T *object) const { release(object); }
};
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION, X509_EXTENSION_free>>;

std::unexpected<Error> failed(const std::string &what) { return fail(EIO, "make a certificate: " + what); }

// What PEM's functions write.
Result<std::string> text_of(const std::function<int(std::FILE *)> &write) {
    char *bytes = nullptr;
    std::size_t size = 0;
    std::FILE *file = open_memstream(&bytes, &size);
    if (file == nullptr) {
        return failed("out of memory");
    }
    const bool good = write(file) == 1;
    const bool whole = std::fclose(file) == 0;
    std::string text(bytes, size);
    std::free(bytes); // NOLINT(cppcoreguidelines-no-malloc): open_memstream's
    return good && whole ? Result<std::string>(std::move(text)) : failed("PEM");
}

template <typename T>
T read_pem(std::string text,
           typename T::pointer (*read)(std::FILE *, typename T::pointer *, pem_password_cb *, void *)) {
    std::FILE *file = text.empty() ? nullptr : fmemopen(text.data(), text.size(), "r");
    if (file == nullptr) {
        return nullptr;
    }
    T object(read(file, nullptr, nullptr, nullptr));
    (void)std::fclose(file); // nothing was written
    return object;
}

bool is_good(const ServingCertificate &files) {
    const Certificate certificate = read_pem<Certificate>(read_file(files.certificate).value_or(""), PEM_read_X509);
    const Key key = read_pem<Key>(read_file(files.key).value_or(""), PEM_read_PrivateKey);
    return certificate != nullptr && key != nullptr && X509_check_private_key(certificate.get(), key.get()) == 1 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate.get())) > 0;
}

Status extend(X509 *certificate, int kind, const std::string &value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
        return failed("the extension " + value);
    }
    return {};
}

Status identify(X509 *certificate, const std::string &name, const std::vector<std::string> &addresses) {
    std::uint64_t serial = 0;
    if (getrandom(&serial, sizeof serial, 0) != sizeof serial) {
        return fail_errno("getrandom");
    }
    X509_NAME *subject = X509_get_subject_name(certificate);
    constexpr std::size_t kLongestName = 64; // ub-common-name, RFC 5280
    const std::string shown = name.substr(0, kLongestName);
    if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U | 1U) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), -kSkew) == nullptr ||
        X509_gmtime_adj(X509_getm_notAfter(certificate), kGood) == nullptr ||
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char *>(shown.data()),
                                   static_cast<int>(shown.size()), -1, 0) != 1 ||
        X509_set_issuer_name(certificate, subject) != 1) {
        return failed("its names");
    }
    std::string names = "DNS:" + name;
    for (const std::string &address : addresses) {
        names += ",IP:" + address;
    }
    TRY(extend(certificate, NID_subject_alt_name, names));
    TRY(extend(certificate, NID_basic_constraints, "critical,CA:FALSE"));
    TRY(extend(certificate, NID_key_usage, "critical,digitalSignature"));
    return extend(certificate, NID_ext_key_usage, "serverAuth");
}

} // namespace

Result<ServingCertificate> own_certificate(const std::filesystem::path &directory, const std::string &name,
                                           const std::vector<std::string> &addresses) {
    ServingCertificate files{.certificate = directory / "kubelet.crt", .key = directory / "kubelet.key"};
    if (is_good(files)) {
        return files;
    }
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    if (key == nullptr || certificate == nullptr || X509_set_pubkey(certificate.get(), key.get()) != 1) {
        return failed("its key");
    }
    TRY(identify(certificate.get(), name, addresses));
    if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
        return failed("sign it");
    }
    const std::string key_text = TRY(text_of(
        [&](std::FILE *file) { return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); }));
    const std::string text = TRY(text_of([&](std::FILE *file) { return PEM_write_X509(file, certificate.get()); }));
    TRY(make_directories(directory));
    TRY(replace_file(files.key, key_text, 0600));
    TRY(replace_file(files.certificate, text));
    log::notice("made a certificate of its own: " + files.certificate.string());
    return files;
}

} // namespace ballast::agent
