// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/x509.h"

#include "base/subprocess.h"
#include "base/timestamp.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// What openssl says of it.
std::string shown(const std::string &kind, const std::string &pem) {
    const Completed done =
        must(run({.arguments = {"openssl", kind, "-noout", "-text", "-verify", "-nameopt", "RFC2253"}, .input = pem}));
    return done.output + done.errors;
}

} // namespace

TEST_CASE("a request names whom it is for, and is signed by its own key", "[agent]") {
    const std::string key = must(new_key());
    const std::string request = must(signing_request(key, {.organization = "system:nodes",
                                                           .common_name = "system:node:a",
                                                           .names = {"a", "a.example"},
                                                           .addresses = {"192.0.2.7", "2001:db8::7"}}));
    const std::string text = shown("req", request);
    CHECK(text.contains("CN=system:node:a,O=system:nodes"));
    CHECK(text.contains("DNS:a, DNS:a.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7"));
    CHECK(text.contains("verify OK"));
    CHECK_FALSE(shown("req", must(signing_request(key, {.common_name = "x"}))).contains("Alternative"));
}

TEST_CASE("what cannot be made is no request", "[agent]") {
    CHECK(error_of(signing_request("no key", {.common_name = "x"})).message.contains("its key"));
    const std::string key = must(new_key());
    CHECK(error_of(signing_request(key, {.common_name = "x", .addresses = {"300.1.1.1"}})).message.contains("IP:300"));
    CHECK(error_of(public_half("no key")).code == EINVAL);
    CHECK(error_of(times_of_certificate("no certificate")).code == EINVAL);
}

TEST_CASE("a certificate says for whom it is, and for how long", "[agent]") {
    const std::string key = must(new_key());
    const CertifiedIdentity identity{.common_name = "node", .names = {"node"}, .addresses = {"192.0.2.7"}};
    const std::string certificate = must(self_signed(key, identity, std::chrono::hours(1)));
    CHECK(belong_together(certificate, key));
    CHECK_FALSE(belong_together(certificate, must(new_key())));
    CHECK_FALSE(belong_together(certificate, certificate));
    CHECK(is_certificate_for(certificate, identity));
    CHECK_FALSE(is_certificate_for(certificate, {.common_name = "other"}));
    CHECK_FALSE(is_certificate_for(certificate, {.common_name = "node", .names = {"nod"}}));
    CHECK_FALSE(is_certificate_for(certificate, {.common_name = "node", .addresses = {"192.0.2.8"}}));
    const CertificateTimes times = must(times_of_certificate(certificate));
    CHECK(times.from < now_ns());
    CHECK(times.until > now_ns());
    CHECK(times.until - times.from == (3600 + 300) * kSecond);
}

TEST_CASE("a key and its other half are told apart", "[agent]") {
    const std::string key = must(new_key());
    CHECK(must(public_half(key)).contains("BEGIN PUBLIC KEY"));
    CHECK(must(public_half(key)) == must(public_half(key)));
    CHECK(must(public_half(key)) != must(public_half(must(new_key()))));
}
