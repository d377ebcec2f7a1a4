// SPDX-License-Identifier: Apache-2.0
#include "base/http/url.h"

#include "tests/unit/check.h"

using namespace ballast;
using http::parse_url;
using http::resolve_url;

TEST_CASE("URLs are read into what a connection needs", "[http]") {
    CHECK(must(parse_url("HTTPS://Registry.Example/v2/?a=b#fragment")) ==
          http::Url{"https", "registry.example", 443, "/v2/?a=b"});
    CHECK(must(parse_url("http://127.0.0.1:5000")) == http::Url{"http", "127.0.0.1", 5000, "/"});
    CHECK(must(parse_url("http://[::1]:5000/x")) == http::Url{"http", "::1", 5000, "/x"});
    CHECK(must(parse_url("https://host?query")).target == "/?query");
    CHECK(must(parse_url("http://[::1]:5000/x")).text() == "http://[::1]:5000/x");
    CHECK(must(parse_url("https://host:443/")).text() == "https://host/");
}

TEST_CASE("a URL that two readers could take for two things is refused", "[http]") {
    for (const char *text : {"",
                             "host",
                             "ftp://host/",
                             "https:///path",
                             "https://user@host/",
                             "https://a:b@host/",
                             "https://host:0/",
                             "https://host:65536/",
                             "https://host:/",
                             "https://host:1x/",
                             "https://[::1/",
                             "https://[host]/",
                             "https://::1/",
                             "https://ho st/",
                             "https://host/a b",
                             "https://host/a\\b",
                             "https://host\\@evil/",
                             "https://host/\r\nX: y",
                             "https://host/\x7f",
                             "https://host/\xc3\xbc",
                             "https://h\xc3\xb6st/",
                             "https://-host/",
                             "https://.host/",
                             "https://host%00/",
                             "file:///etc/passwd",
                             "https://host:443@evil/"}) {
        CAPTURE(text);
        CHECK(error_of(parse_url(text)).code == EINVAL);
    }
    CHECK(error_of(parse_url("https://host/" + std::string(9000, 'x'))).code == EINVAL);
}

TEST_CASE("a location is resolved against where it came from", "[http]") {
    const http::Url base = must(parse_url("https://host:5000/v2/a/blobs/uploads/?mount=x"));
    const auto resolved = [&](const char *reference) { return must(resolve_url(base, reference)).text(); };
    CHECK(resolved("/other?x=1") == "https://host:5000/other?x=1");
    CHECK(resolved("uuid?state=1") == "https://host:5000/v2/a/blobs/uploads/uuid?state=1");
    CHECK(resolved("?y") == "https://host:5000/v2/a/blobs/uploads/?y");
    CHECK(resolved("//elsewhere/x") == "https://elsewhere/x");
    CHECK(resolved("http://elsewhere/x") == "http://elsewhere/x");
    CHECK(resolved("../up") == "https://host:5000/v2/a/blobs/up");
    CHECK(resolved("/a/./b/../c") == "https://host:5000/a/c");
    CHECK(resolved("/../../..") == "https://host:5000/");
    CHECK(resolved("") == "https://host:5000/v2/a/blobs/uploads/?mount=x");
    CHECK(resolved("#here") == "https://host:5000/v2/a/blobs/uploads/?mount=x");
    CHECK_FALSE(resolve_url(base, "javascript:alert(1)").has_value());
    CHECK_FALSE(resolve_url(base, "/a\r\nb").has_value());
}

TEST_CASE("only scheme, host and port together are an origin", "[http]") {
    const http::Url url = must(parse_url("https://host/a"));
    CHECK(url.same_origin(must(parse_url("https://HOST:443/b"))));
    CHECK_FALSE(url.same_origin(must(parse_url("http://host/a"))));
    CHECK_FALSE(url.same_origin(must(parse_url("https://host:8443/a"))));
    CHECK_FALSE(url.same_origin(must(parse_url("https://host.evil/a"))));
}

TEST_CASE("all but unreserved characters are percent-encoded", "[http]") {
    CHECK(http::url_encode("aZ09-._~") == "aZ09-._~");
    CHECK(http::url_encode("repository:a/b:pull,push &=\n\xff") == "repository%3Aa%2Fb%3Apull%2Cpush%20%26%3D%0A%FF");
}
