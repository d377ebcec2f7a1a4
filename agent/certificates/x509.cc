// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/x509.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/random.h>

namespace ballast::agent {
namespace {

constexpr long kSkew = 5 * 60; // seconds, of clocks that are behind ours

template <typename T, void (*release)(T *)>
struct Free {
    void operator()(T *object) const { release(object); }
};
struct FreeBio {
    void operator()(BIO *bio) const { (void)BIO_free(bio); } // fails for what is nothing only
};
struct FreeExtensions {
    void operator()(STACK_OF(X509_EXTENSION) * list) const { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }
};
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Request = std::unique_ptr<X509_REQ, Free<X509_REQ, X509_REQ_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION, X509_EXTENSION_free>>;
using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), FreeExtensions>;
using Bio = std::unique_ptr<BIO, FreeBio>;

std::unexpected<Error> failed(const std::string &what) { return fail(EIO, "make a certificate: " + what); }

// What PEM's functions write.
Result<std::string> text_of(const std::function<int(BIO *)> &write) {
    const Bio bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || write(bio.get()) != 1) {
        return failed("PEM");
    }
    char *bytes = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
}

// The first of that kind in a text; null: there is none. One that is encrypted is none: nobody is there to be asked.
template <typename T>
T read_pem(const std::string &text,
           typename T::pointer (*read)(BIO *, typename T::pointer *, pem_password_cb *, void *)) {
    const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    std::string no_password;
    return bio == nullptr ? nullptr : T(read(bio.get(), nullptr, nullptr, no_password.data()));
}

Key key_in(const std::string &text) { return read_pem<Key>(text, PEM_read_bio_PrivateKey); }
Certificate certificate_in(const std::string &text) { return read_pem<Certificate>(text, PEM_read_bio_X509); }

std::string shown(const std::string &name) {
    constexpr std::size_t kLongestName = 64; // ub-common-name, RFC 5280
    return name.substr(0, kLongestName);
}

bool add_text(X509_NAME *to, const char *kind, const std::string &text) {
    return text.empty() ||
           X509_NAME_add_entry_by_txt(to, kind, MBSTRING_UTF8, reinterpret_cast<const unsigned char *>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
}

bool add_subject(X509_NAME *to, const CertifiedIdentity &identity) {
    return add_text(to, "O", identity.organization) && add_text(to, "CN", shown(identity.common_name));
}

// Empty: it has none.
std::string alternative_names(const CertifiedIdentity &identity) {
    std::string names;
    const auto add = [&](const char *kind, const std::string &name) {
        names += (names.empty() ? "" : ",") + std::string(kind) + name;
    };
    std::ranges::for_each(identity.names, [&](const std::string &name) { add("DNS:", name); });
    std::ranges::for_each(identity.addresses, [&](const std::string &address) { add("IP:", address); });
    return names;
}

Result<Extension> extension(X509V3_CTX &context, int kind, const std::string &value) {
    Extension made(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    return made != nullptr ? Result<Extension>(std::move(made)) : failed("the extension " + value);
}

Status extend(X509 *certificate, int kind, const std::string &value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const Extension made = TRY(extension(context, kind, value));
    return X509_add_ext(certificate, made.get(), -1) == 1 ? Status() : failed("the extension " + value);
}

Status identify(X509 *certificate, const CertifiedIdentity &identity, std::chrono::seconds good) {
    std::uint64_t serial = 0;
    if (getrandom(&serial, sizeof serial, 0) != sizeof serial) {
        return fail_errno("getrandom");
    }
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U | 1U) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), -kSkew) == nullptr ||
        X509_gmtime_adj(X509_getm_notAfter(certificate), good.count()) == nullptr || !add_subject(subject, identity) ||
        X509_set_issuer_name(certificate, subject) != 1) {
        return failed("its names");
    }
    TRY(extend(certificate, NID_subject_alt_name, alternative_names(identity)));
    TRY(extend(certificate, NID_basic_constraints, "critical,CA:FALSE"));
    TRY(extend(certificate, NID_key_usage, "critical,digitalSignature"));
    return extend(certificate, NID_ext_key_usage, "serverAuth");
}

Status add_names(X509_REQ *request, const CertifiedIdentity &identity) {
    const std::string names = alternative_names(identity);
    if (names.empty()) {
        return {};
    }
    X509V3_CTX context{};
    X509V3_set_ctx(&context, nullptr, nullptr, request, nullptr, 0);
    Extension made = TRY(extension(context, NID_subject_alt_name, names));
    const Extensions list(sk_X509_EXTENSION_new_null());
    if (list == nullptr || sk_X509_EXTENSION_push(list.get(), made.get()) == 0) {
        return failed("out of memory");
    }
    (void)made.release(); // the list's
    return X509_REQ_add_extensions(request, list.get()) == 1 ? Status() : failed("its names");
}

std::int64_t nanoseconds_of(const ASN1_TIME *time) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) * kSecond : 0;
}

} // namespace

Result<std::string> new_key() {
    const Key key(EVP_EC_gen("P-256"));
    if (key == nullptr) {
        return failed("its key");
    }
    return text_of(
        [&](BIO *to) { return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

Result<std::string> public_half(const std::string &key) {
    const Key read = key_in(key);
    if (read == nullptr) {
        return fail(EINVAL, "there is no private key in it");
    }
    return text_of([&](BIO *to) { return PEM_write_bio_PUBKEY(to, read.get()); });
}

Result<std::string> signing_request(const std::string &key, const CertifiedIdentity &identity) {
    const Key own = key_in(key);
    const Request request(X509_REQ_new());
    if (own == nullptr || request == nullptr || X509_REQ_set_pubkey(request.get(), own.get()) != 1) {
        return failed("its key");
    }
    if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        !add_subject(X509_REQ_get_subject_name(request.get()), identity)) {
        return failed("its names");
    }
    TRY(add_names(request.get(), identity));
    if (X509_REQ_sign(request.get(), own.get(), EVP_sha256()) == 0) {
        return failed("sign the request");
    }
    return text_of([&](BIO *to) { return PEM_write_bio_X509_REQ(to, request.get()); });
}

Result<std::string> self_signed(const std::string &key, const CertifiedIdentity &identity, std::chrono::seconds good) {
    const Key own = key_in(key);
    const Certificate certificate(X509_new());
    if (own == nullptr || certificate == nullptr || X509_set_pubkey(certificate.get(), own.get()) != 1) {
        return failed("its key");
    }
    TRY(identify(certificate.get(), identity, good));
    if (X509_sign(certificate.get(), own.get(), EVP_sha256()) == 0) {
        return failed("sign it");
    }
    return text_of([&](BIO *to) { return PEM_write_bio_X509(to, certificate.get()); });
}

Result<CertificateTimes> times_of_certificate(const std::string &certificate) {
    const Certificate read = certificate_in(certificate);
    if (read == nullptr) {
        return fail(EINVAL, "there is no certificate in it");
    }
    return CertificateTimes{.from = nanoseconds_of(X509_get0_notBefore(read.get())),
                            .until = nanoseconds_of(X509_get0_notAfter(read.get()))};
}

bool belong_together(const std::string &certificate, const std::string &key) {
    const Certificate read = certificate_in(certificate);
    const Key own = key_in(key);
    return read != nullptr && own != nullptr && X509_check_private_key(read.get(), own.get()) == 1;
}

bool is_certificate_for(const std::string &certificate, const CertifiedIdentity &identity) {
    const Certificate read = certificate_in(certificate);
    if (read == nullptr) {
        return false;
    }
    const std::string wanted = shown(identity.common_name);
    constexpr std::size_t kRoom = 256;
    std::array<char, kRoom> name{};
    const int size =
        X509_NAME_get_text_by_NID(X509_get_subject_name(read.get()), NID_commonName, name.data(), name.size());
    const bool named = size >= 0 && std::string(name.data(), static_cast<std::size_t>(size)) == wanted;
    return named &&
           std::ranges::all_of(identity.names,
                               [&](const std::string &host) {
                                   return X509_check_host(read.get(), host.data(), host.size(),
                                                          X509_CHECK_FLAG_NO_WILDCARDS |
                                                              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                                                          nullptr) == 1;
                               }) &&
           std::ranges::all_of(identity.addresses, [&](const std::string &address) {
               return X509_check_ip_asc(read.get(), address.c_str(), 0) == 1;
           });
}

} // namespace ballast::agent
