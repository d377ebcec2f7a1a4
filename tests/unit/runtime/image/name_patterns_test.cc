// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/name_patterns.h"

#include "tests/unit/check.h"

namespace ballast::image {

TEST_CASE("an image is meant by its name, or by the beginning of its whole name", "[reference]") {
    Image image;
    image.tags = {"busybox:latest", "registry.example/platform/proxy:1"};
    CHECK(has_name_of(image, {"busybox"}));
    CHECK(has_name_of(image, {"docker.io/library/busybox:latest"}));
    CHECK(has_name_of(image, {"other", "registry.example/platform/*"}));
    CHECK_FALSE(has_name_of(image, {"busybox:1.36"}));
    CHECK_FALSE(has_name_of(image, {"registry.example/platform/proxy"})); // which is :latest
    CHECK_FALSE(has_name_of(image, {"registry.example/apps/*"}));
    CHECK_FALSE(has_name_of(image, {}));
    CHECK_FALSE(has_name_of(Image(), {"*"}));
}

TEST_CASE("what means no image is refused", "[reference]") {
    must(check_name_pattern("busybox"));
    must(check_name_pattern("registry.example:5000/platform/*"));
    CHECK(error_of(check_name_pattern("*")).code == EINVAL);
    CHECK(error_of(check_name_pattern("a*b")).code == EINVAL);
    CHECK(error_of(check_name_pattern("No Name")).code == EINVAL);
    CHECK(error_of(check_name_pattern("")).code == EINVAL);
}

} // namespace ballast::image
