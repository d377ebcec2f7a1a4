// SPDX-License-Identifier: Apache-2.0
#include "base/http/proxy.h"

#include "base/http/address_block.h"
#include "tests/unit/check.h"

using namespace ballast;
using http::AddressBlock;

namespace {

bool is_direct(const std::string &none, const char *url) {
    const http::ProxySettings settings{.http = "http://proxy:3128", .https = "http://proxy:3128", .none = none};
    return must(http::choose_proxy(settings, must(http::parse_url(url)))).empty();
}

} // namespace

TEST_CASE("each scheme has its proxy", "[http]") {
    const http::ProxySettings settings{.http = "plain:1", .https = "socks5://user:secret@tls:2"};
    CHECK(must(http::choose_proxy(settings, must(http::parse_url("http://host/")))) == "http://plain:1");
    CHECK(must(http::choose_proxy(settings, must(http::parse_url("https://host/")))) == "socks5h://user:secret@tls:2");
    CHECK(must(http::choose_proxy({}, must(http::parse_url("https://host/")))).empty());
}

TEST_CASE("no_proxy takes names, domains, addresses, blocks and ports", "[http]") {
    struct Case {
        const char *none;
        const char *url;
        bool direct;
    };
    for (const auto &[none, url, direct] : std::initializer_list<Case>{
             {"", "https://host/", false},
             {"*", "https://host/", true},
             {"host", "https://host/", true},
             {"host", "https://sub.host/", true},
             {"host", "https://ghost/", false},
             {".example", "https://example/", false},
             {".example", "https://a.example/", true},
             {"*.example", "https://a.b.example/", true},
             {" a , HOST ", "https://host/", true},
             {"host:443", "https://host/", true},
             {"host:80", "https://host/", false},
             {"192.0.2.1", "https://192.0.2.1/", true},
             {"192.0.2.0/24", "https://192.0.2.77:5000/", true},
             {"192.0.2.0/24", "https://192.0.3.77/", false},
             {"192.0.2.1:5000", "https://192.0.2.1:5000/", true},
             {"[2001:db8::1]:443", "https://[2001:db8::1]/", true},
             {"2001:db8::/32", "https://[2001:db8::1]/", true},
             {"2", "https://192.0.2.2/", false},
             {"", "http://localhost:5000/", true},
             {"", "http://127.9.9.9/", true},
             {"", "http://[::1]/", true},
             {"[", "https://host/", false},
             {",,", "https://host/", false},
         }) {
        CAPTURE(none, url);
        CHECK(is_direct(none, url) == direct);
    }
}

TEST_CASE("a proxy that cannot be used is an error that does not show its password", "[http]") {
    for (const char *proxy : {"gopher://user:secret@host", "http://user:secret@ho st", "socks4://user:secret@host"}) {
        const Error error = error_of(http::choose_proxy({.https = proxy}, must(http::parse_url("https://host/"))));
        CHECK(error.code == EINVAL);
        CHECK_FALSE(error.message.contains("secret"));
    }
}

TEST_CASE("a block contains the addresses below its prefix", "[http]") {
    const auto contains = [](const char *block, const char *address) {
        return AddressBlock::parse(block)->contains(*AddressBlock::parse(address));
    };
    CHECK(contains("10.0.0.0/8", "10.255.1.2"));
    CHECK(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
    CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
    CHECK(contains("0.0.0.0/0", "8.8.8.8"));
    CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
    CHECK(contains("192.0.2.128/25", "192.0.2.200"));
    CHECK_FALSE(contains("192.0.2.128/25", "192.0.2.100"));
    CHECK_FALSE(contains("192.0.2.1", "192.0.2.0/24"));
    for (const char *text : {"", "10", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "::1/129", "host"}) {
        CAPTURE(text);
        CHECK_FALSE(AddressBlock::parse(text).has_value());
    }
}
