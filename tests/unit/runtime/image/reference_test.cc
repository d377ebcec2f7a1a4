// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/reference.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

const std::string kHex(64, 'a');

std::string canonical(const std::string &text) { return must(Reference::parse_with_default_tag(text)).canonical(); }
std::string familiar(const std::string &text) { return must(Reference::parse_with_default_tag(text)).familiar(); }

} // namespace

TEST_CASE("a name gets the domain, the library and the tag that it lacks", "[reference]") {
    CHECK(canonical("busybox") == "docker.io/library/busybox:latest");
    CHECK(canonical("busybox:1.36") == "docker.io/library/busybox:1.36");
    CHECK(canonical("user/app") == "docker.io/user/app:latest");
    CHECK(canonical("index.docker.io/busybox") == "docker.io/library/busybox:latest");
    CHECK(canonical("docker.io/busybox") == "docker.io/library/busybox:latest");
    CHECK(canonical("localhost/app") == "localhost/app:latest");
    CHECK(canonical("localhost:5000/app") == "localhost:5000/app:latest");
    CHECK(canonical("quay.io/a/b/c:v1") == "quay.io/a/b/c:v1");
    CHECK(canonical("[::1]:5000/app") == "[::1]:5000/app:latest");
    CHECK(canonical("Registry/app") == "Registry/app:latest");
    CHECK(canonical("127.0.0.1:5000/a__b/c-d--e.f") == "127.0.0.1:5000/a__b/c-d--e.f:latest");
    CHECK(must(Reference::parse("busybox")).tag.empty());
}

TEST_CASE("the familiar form is the shortest that means the same", "[reference]") {
    CHECK(familiar("docker.io/library/busybox:latest") == "busybox:latest");
    CHECK(familiar("docker.io/user/app:1") == "user/app:1");
    CHECK(familiar("quay.io/a/b") == "quay.io/a/b:latest");
    CHECK(familiar("docker.io/library/a/b") == "library/a/b:latest");
    CHECK(familiar("docker.io/a.b/c") == "docker.io/a.b/c:latest"); // "a.b/c" would be on the host a.b
    CHECK(familiar("docker.io/localhost/c") == "docker.io/localhost/c:latest");
    for (const char *text : {"busybox", "docker.io/library/a/b:1", "localhost/x", "user/app"}) {
        CHECK(canonical(familiar(text)) == canonical(text));
    }
}

TEST_CASE("a digest may stand beside a tag", "[reference]") {
    const Reference both = must(Reference::parse("busybox:1@sha256:" + kHex));
    CHECK(both.tag == "1");
    CHECK(both.digest->text() == "sha256:" + kHex);
    CHECK(both.canonical() == "docker.io/library/busybox:1@sha256:" + kHex);
    CHECK(both.with_tag("2").canonical() == "docker.io/library/busybox:2");
    CHECK(both.with_digest(*both.digest).familiar() == "busybox@sha256:" + kHex);
    // With a digest alone there is no default tag.
    CHECK(canonical("busybox@sha256:" + kHex) == "docker.io/library/busybox@sha256:" + kHex);
}

TEST_CASE("what is no reference is refused", "[reference]") {
    for (const std::string &text : std::vector<std::string>{"",
                                                            "/a",
                                                            "a/",
                                                            "a//b",
                                                            ":tag",
                                                            "a:",
                                                            "a:-x",
                                                            "a:b:c",
                                                            "a@",
                                                            "a@sha256:abc",
                                                            "a@sha256:" + std::string(64, 'A'),
                                                            "a@md5:" + std::string(32, 'a'),
                                                            "../a",
                                                            "a/../b",
                                                            "a b",
                                                            "a\nb",
                                                            std::string("a\0b", 3),
                                                            "-a",
                                                            "a-",
                                                            "a___b",
                                                            "a..b",
                                                            "A/B",
                                                            "Busybox",
                                                            "host:port/a",
                                                            "host:123456/a",
                                                            "-host.x/a",
                                                            "ho_st.x/a",
                                                            "[::1/a",
                                                            "a:" + std::string(129, 't'),
                                                            std::string(256, 'a'),
                                                            kHex,
                                                            "h\xc3\xa9"}) {
        CAPTURE(text);
        const Error error = error_of(Reference::parse(text));
        CHECK(error.code == EINVAL);
        CHECK(error.message.starts_with("invalid reference format: "));
    }
    CHECK(error_of(Reference::parse("Busybox")).message.contains("repository name must be lowercase"));
    CHECK(Reference::parse("a:" + std::string(128, 't')).has_value());
}
