// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_image_view.h"

#include "base/base64.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::api;
namespace cri = ::runtime::v1;

namespace {

cri::Image with_user(const std::string &user) {
    cri::Image image;
    set_cri_user(image, user);
    return image;
}

image::Reference at(const std::string &name) { return must(image::Reference::parse_with_default_tag(name)); }

} // namespace

TEST_CASE("an image's user is a number or a name for Kubernetes", "[cri]") {
    CHECK(with_user("").uid().value() == 0);
    CHECK(with_user("").has_uid());
    CHECK(with_user("1000").uid().value() == 1000);
    CHECK(with_user("1000:50").uid().value() == 1000);
    CHECK(with_user("0:50").has_uid());
    for (const char *name : {"web", "web:50", "-1", "1000x", "99999999999999999999"}) {
        CAPTURE(name);
        CHECK_FALSE(with_user(name).has_uid());
        CHECK(with_user(name).username() == std::string(name).substr(0, std::string(name).find(':')));
    }
}

TEST_CASE("an image's names are whole for Kubernetes", "[cri]") {
    image::Image image;
    image.id = must(image::Digest::parse("sha256:" + std::string(64, 'a')));
    image.tags = {"busybox:latest", "registry.test:5000/x/y:1"};
    image.digests = {"busybox@sha256:" + std::string(64, 'b')};
    image.bytes = 4096;
    const cri::Image made = cri_image(image);
    CHECK(made.id() == "sha256:" + std::string(64, 'a'));
    REQUIRE(made.repo_tags_size() == 2);
    CHECK(made.repo_tags(0) == "docker.io/library/busybox:latest");
    CHECK(made.repo_tags(1) == "registry.test:5000/x/y:1");
    CHECK(made.repo_digests(0) == "docker.io/library/busybox@sha256:" + std::string(64, 'b'));
    CHECK(made.size() == 4096);
    CHECK_FALSE(made.pinned());
}

TEST_CASE("credentials from Kubernetes go to the registry that they are for, and to no other", "[cri]") {
    cri::AuthConfig from;
    from.set_username("me");
    from.set_password("secret");
    CHECK(must(cri_credentials(from, at("registry.test/x"))).user == "me"); // without a word on where
    from.set_server_address("https://registry.test/v1/");
    CHECK(must(cri_credentials(from, at("registry.test/x"))).password == "secret");
    CHECK(must(cri_credentials(from, at("other.test/x"))).empty());
    CHECK(must(cri_credentials(from, at("registry.test:5000/x"))).empty());
    from.set_server_address("https://index.docker.io/v1/");
    CHECK(must(cri_credentials(from, at("busybox"))).user == "me");
    from.set_server_address("REGISTRY.test");
    CHECK(must(cri_credentials(from, at("registry.test/x"))).user == "me");
}

TEST_CASE("credentials from Kubernetes may be one word", "[cri]") {
    cri::AuthConfig from;
    CHECK(must(cri_credentials(from, at("busybox"))).empty());
    from.set_auth(base64("me:a:b"));
    CHECK(must(cri_credentials(from, at("busybox"))).user == "me");
    CHECK(must(cri_credentials(from, at("busybox"))).password == "a:b");
    for (const std::string &wrong : {std::string("secret!"), base64("secret")}) {
        from.set_auth(wrong);
        const Error error = error_of(cri_credentials(from, at("busybox")));
        CHECK(error.code == EINVAL);
        CHECK_FALSE(error.message.contains("secret"));
    }
}
