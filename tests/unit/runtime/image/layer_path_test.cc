// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/layer_path.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

std::string parsed(std::string_view text, bool whiteouts = true) {
    const Result<LayerPath> path = parse_layer_path(text, whiteouts, {});
    if (!path.has_value()) {
        return path.error().code == ENAMETOOLONG ? "too long" : "refused";
    }
    constexpr const char *kKinds[] = {"entry", "root", "whiteout", "opaque", "ignored"};
    return std::string(kKinds[static_cast<int>(path->kind)]) + " " + path->parent + "|" + path->name;
}

} // namespace

TEST_CASE("names are relative to the image, however they are written", "[layer]") {
    for (const char *text : {"etc/passwd", "/etc/passwd", "./etc/passwd", "//etc/./passwd/", "././/etc//passwd"}) {
        CHECK(parsed(text) == "entry etc|passwd");
    }
    for (const char *text : {"/", ".", "./", "././/"}) {
        CHECK(parsed(text) == "root |");
    }
    CHECK(parsed("a") == "entry |a");
    CHECK(parsed("...") == "entry |...");
}

TEST_CASE("a name that would leave the image is refused", "[layer]") {
    for (const char *text : {"", "..", "../x", "a/..", "a/../b", "/../x", "a/../../b", "./.."}) {
        CAPTURE(text);
        CHECK(parsed(text) == "refused");
        CHECK(parsed(text, false) == "refused");
    }
    CHECK(parsed(std::string_view("a\0b", 3)) == "refused");
    CHECK(parsed(std::string(256, 'x')) == "too long");
    std::string deep;
    for (int level = 0; level < 600; level++) {
        deep += "a/";
    }
    CHECK(parsed(deep) == "too long");
    CHECK(parsed(std::string(5000, '/') + "x") == "too long");
}

TEST_CASE("whiteouts name what is gone, and nothing else", "[layer]") {
    CHECK(parsed("a/.wh.b") == "whiteout a|b");
    CHECK(parsed(".wh.b") == "whiteout |b");
    CHECK(parsed("a/.wh..wh..opq") == "opaque a|.wh..wh..opq");
    CHECK(parsed(".wh..wh.plnk/1.2") == "ignored |");
    CHECK(parsed("a/.wh..wh.aufs") == "ignored a|.wh..wh.aufs");
    for (const char *text : {".wh.", "a/.wh..", "a/.wh...", ".wh.a/b"}) {
        CAPTURE(text);
        CHECK(parsed(text) == "refused");
    }
    CHECK(parsed("a/.wh.b", false) == "entry a|.wh.b");
}
