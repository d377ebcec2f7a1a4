// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/snapshot.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

TEST_CASE("layers are stacked highest first, with what diff and commit rely on", "[snapshot]") {
    const auto options = must(overlay_options({.lower = {"/l/2", "/l/1"}, .upper = "/c/upper", .work = "/c/work"}));
    const std::vector<std::pair<std::string, std::string>> expected = {
        {"source", "ballast"},  {"lowerdir+", "/l/2"}, {"lowerdir+", "/l/1"}, {"upperdir", "/c/upper"},
        {"workdir", "/c/work"}, {"index", "off"},      {"metacopy", "off"},   {"redirect_dir", "nofollow"}};
    CHECK(options == expected);
    CHECK(must(overlay_options({.lower = {"/l/2", "/l/1"}})).size() == 6);
}

TEST_CASE("a stack that the kernel could read otherwise is refused", "[snapshot]") {
    for (const char *path : {"relative", "/a:b", "/a,b", "/a\\b", ""}) {
        CAPTURE(path);
        CHECK(error_of(overlay_options({.lower = {path}})).code == EINVAL);
    }
    CHECK(error_of(overlay_options({})).code == EINVAL);
    CHECK(error_of(overlay_options({.lower = {"/" + std::string(255, 'a')}})).code == ENAMETOOLONG);
    CHECK(error_of(overlay_options({.lower = std::vector<std::filesystem::path>(501, "/l")})).code == EINVAL);
}

TEST_CASE("a size limit is refused with the reason", "[snapshot]") {
    CHECK(check_storage_options({}).has_value());
    const Status limited = check_storage_options({{"size", "10G"}});
    REQUIRE_FALSE(limited.has_value());
    CHECK(limited.error().code == ENOTSUP);
    CHECK(limited.error().message.contains("quotas"));
}
