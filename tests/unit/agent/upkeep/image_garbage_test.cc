// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/image_garbage.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

using Image = Runtime::ImageOnNode;

Image image(const std::string &id, bool pinned = false) {
    return {.names = {"example.invalid/" + id + ":1"}, .size = 10, .id = id, .pinned = pinned};
}

std::vector<std::string> ids(const std::vector<Image> &images) {
    std::vector<std::string> all;
    for (const Image &one : images) {
        all.push_back(one.id);
    }
    return all;
}

} // namespace

TEST_CASE("images that nobody uses go by when they were used last", "[agent]") {
    ImageUses uses;
    const std::vector<Image> images = {image("a"), image("b"), image("c"), image("d"), image("p", true)};
    note_images(uses, {images[2]}, {}, 5);
    note_images(uses, images, {"a", "example.invalid/b:1"}, 10);
    note_images(uses, images, {"b"}, 20);
    CHECK(uses.at("a") == ImageUse{.seen = 10, .used = 10});
    CHECK(uses.at("b") == ImageUse{.seen = 10, .used = 20});
    CHECK(uses.at("c") == ImageUse{.seen = 5, .used = 0});
    // Never used before used; of these the one that has been here longer.
    CHECK(ids(unused_images(uses, images, 20)) == std::vector<std::string>{"c", "d", "a"});
    note_images(uses, {images[0]}, {}, 30);
    CHECK(uses.size() == 1);
    CHECK(ids(unused_images(uses, images, 30)) == std::vector<std::string>{"a"}); // of what it knows
}

TEST_CASE("an image that was used in a time that is not yet is not in use", "[agent]") {
    ImageUses uses = {{"a", {.seen = 100, .used = 200}}};
    note_images(uses, {image("a")}, {}, 50); // the clock was set back
    CHECK(uses.at("a") == ImageUse{.seen = 50, .used = 49});
    CHECK(ids(unused_images(uses, {image("a")}, 50)) == std::vector<std::string>{"a"});
}

TEST_CASE("when images were used is remembered", "[agent]") {
    const ImageUses uses = {{"sha256:1", {.seen = 1, .used = 2}}, {"sha256:2", {.seen = 3, .used = 0}}};
    CHECK(read_image_uses(image_uses_text(uses)) == uses);
    CHECK(read_image_uses("sha256:1 1 2\nhalf a\n\nsha256:2 3 0") == uses);
}

TEST_CASE("from the high threshold on space is freed until the low one", "[agent]") {
    CHECK(bytes_to_free(1000, 200, 85, 80) == 0);
    CHECK(bytes_to_free(1000, 151, 85, 80) == 50 - 1);
    CHECK(bytes_to_free(1000, 160, 85, 80) == 0);
    CHECK(bytes_to_free(1000, 0, 85, 80) == 200);
    CHECK(bytes_to_free(1000, 2000, 85, 80) == 0);
    CHECK(bytes_to_free(8'000'000'000'000'000'000, 0, 85, 0) == 8'000'000'000'000'000'000);
}

TEST_CASE("an image is too old when nobody has used it for that long", "[agent]") {
    constexpr std::int64_t kHour = std::chrono::nanoseconds(1h).count();
    CHECK_FALSE(is_too_old({.seen = 1, .used = 0}, 0ns, 100 * kHour));
    CHECK(is_too_old({.seen = 1, .used = 0}, 2h, 3 * kHour));
    CHECK_FALSE(is_too_old({.seen = 1, .used = 2 * kHour}, 2h, 3 * kHour));
    CHECK_FALSE(is_too_old({.seen = 2 * kHour, .used = 0}, 2h, 3 * kHour));
}
