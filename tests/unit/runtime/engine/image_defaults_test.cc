// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/image_defaults.h"
#include "runtime/engine/plan.h"

namespace ballast::engine {
namespace {

image::RunConfig image_of() {
    image::RunConfig image;
    image.entrypoint = Texts{"/entry"};
    image.cmd = Texts{"serve"};
    image.env = {"PATH=/bin", "MODE=image", "GONE=1"};
    image.labels = {{"a", "image"}, {"b", "image"}};
    image.working_dir = "/srv";
    image.user = "web";
    return image;
}

Texts program(std::optional<Texts> entrypoint, std::optional<Texts> cmd) {
    Config config;
    config.entrypoint = std::move(entrypoint);
    config.cmd = std::move(cmd);
    apply_image(config, image_of());
    return program_of(config);
}

} // namespace

TEST_CASE("entrypoint and command combine by Docker's rules", "[engine]") {
    CHECK(program({}, {}) == Texts{"/entry", "serve"});
    CHECK(program({}, Texts{"other"}) == Texts{"/entry", "other"});
    CHECK(program(Texts{"/mine"}, {}) == Texts{"/mine"});
    CHECK(program(Texts{"/mine"}, Texts{"x"}) == Texts{"/mine", "x"});
    CHECK(program(Texts{""}, Texts{"x"}) == Texts{"x"});
}

TEST_CASE("variables and labels add up, the user's own win, and a bare name takes one away", "[engine]") {
    Config config;
    config.env = {"MODE=mine", "GONE", "NEW=1"};
    config.labels = {{"a", "mine"}};
    apply_image(config, image_of());
    CHECK(config.env == Texts{"PATH=/bin", "MODE=mine", "NEW=1"});
    CHECK(config.labels == Labels{{"a", "mine"}, {"b", "image"}});
    CHECK(config.working_dir == "/srv");
    CHECK(config.user == "web");
}

} // namespace ballast::engine
