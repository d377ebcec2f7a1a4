// SPDX-License-Identifier: Apache-2.0
#include "tests/images/spec.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;

namespace {

Result<EntrySpec> read_one(const std::string &text) { return parse_entry(must(YamlNode::parse(text, "entry.yaml"))); }

Result<std::vector<ImageSpec>> read_images(const std::string &text) {
    return parse_images(must(YamlNode::parse(text, "images.yaml")));
}

constexpr const char *kSmallest = "images:\n"
                                  "  one:\n"
                                  "    platforms: [linux/amd64, linux/arm64]\n"
                                  "    config: {cmd: [sh, -c, 'true'], labels: {a: b}}\n"
                                  "    layers: [[{directory: tmp}], []]\n";

} // namespace

TEST_CASE("the description in the repository is valid", "[spec]") {
    const std::vector<ImageSpec> all = must(load_images("tests/images/images.yaml"));
    std::vector<std::string> names;
    for (const ImageSpec &image : all) {
        names.push_back(image.name);
        if (image.name == "layers") {
            CHECK(image.layers.size() == 10);
        }
        if (image.name == "multi-arch") {
            CHECK(image.platforms.size() == 2);
        }
        if (image.name == "variants") {
            CHECK(image.platforms.size() == 3);
        }
    }
    CHECK(names == std::vector<std::string>{"busybox", "web", "memory-eater", "multi-arch", "variants", "zstd",
                                            "uncompressed", "layers"});
}

TEST_CASE("an image is read with its defaults", "[spec]") {
    const ImageSpec image = must(read_images(kSmallest)).at(0);
    CHECK(image.tag == "latest");
    CHECK(image.compression == Compression::kGzip);
    CHECK(image.config.command == std::vector<std::string>{"sh", "-c", "true"});
    CHECK(image.config.labels.at("a") == "b");
    REQUIRE(image.layers.size() == 2);
    CHECK(image.layers[0].at(0).entry == Entry{.path = "tmp", .kind = Kind::kDirectory, .mode = 0755});
    CHECK(image.layers[1].empty());
}

TEST_CASE("every kind of entry is read", "[spec]") {
    const Entry file = must(read_one("{file: a/b, content: x, mode: '4755', owner: '1:2', "
                                     "xattrs: {user.a: text, user.b: '0x00ff'}}"))
                           .entry;
    CHECK(file.mode == 04755);
    CHECK(file.user == 1);
    CHECK(file.group == 2);
    CHECK(file.attributes.at("user.a") == "text");
    CHECK(file.attributes.at("user.b") == std::string("\0\xff", 2));
    CHECK(must(read_one("{symlink: a, target: ../../x}")).entry.target == "../../x");
    CHECK(must(read_one("{hardlink: a, target: b/c}")).entry.kind == Kind::kHardLink);
    CHECK(must(read_one("{fifo: a}")).entry.kind == Kind::kFifo);
    CHECK(must(read_one("{whiteout: a/b}")).entry.path == "a/.wh.b");
    CHECK(must(read_one("{whiteout: b}")).entry.path == ".wh.b");
    CHECK(must(read_one("{opaque: a/b}")).entry.path == "a/b/.wh..wh..opq");
    CHECK(std::get<Applets>(must(read_one("{applets: bin, busybox: bin/busybox}")).origin).busybox == "bin/busybox");
    CHECK(std::get<FromPackage>(must(read_one("{file: a, package: p, member: usr/m}")).origin).member == "usr/m");
    CHECK(std::get<Text>(must(read_one("{file: a, size: 9, tail: t}")).origin).size == 9);
}

TEST_CASE("a bad entry is refused with its place and its fault", "[spec]") {
    const auto [text, fault] = GENERATE(table<std::string, std::string>({
        {"{file: /a, content: x}", "plain relative path"},
        {"{file: a/../b, content: x}", "plain relative path"},
        {"{file: a//b, content: x}", "plain relative path"},
        {"{file: a/, content: x}", "plain relative path"},
        {"{file: '', content: x}", "plain relative path"},
        {"{file: a}", "exactly one of content"},
        {"{file: a, content: x, program: p}", "exactly one of content"},
        {"{file: a, package: p}", "member"},
        {"{file: a, content: x, member: m}", "needs a package"},
        {"{file: a, program: ../p}", "plain relative path"},
        {"{file: a, content: xyz, size: 2}", "smaller"},
        {"{file: a, tail: x}", "needs a size"},
        {"{file: a, size: -1}", "size"},
        {"{file: a, content: x, mode: '9'}", "octal"},
        {"{file: a, content: x, mode: '17777'}", "octal"},
        {"{file: a, content: x, owner: root}", "UID:GID"},
        {"{file: a, content: x, owner: '1:'}", "UID:GID"},
        {"{file: a, content: x, xattrs: {user.a: '0x0'}}", "hexadecimal"},
        {"{file: a, content: x, xattrs: {user.a: '0xzz'}}", "hexadecimal"},
        {"{file: a, content: x, target: b}", "target"},
        {"{symlink: a}", "target"},
        {"{hardlink: a, target: /b}", "plain relative path"},
        {"{directory: a, fifo: b}", "both directory and fifo"},
        {"{whiteout: a, mode: '644'}", "mode"},
        {"{mode: '644'}", "needs one of file, directory"},
    }));
    CAPTURE(text);
    CHECK_THAT(message_of(read_one(text)), ContainsSubstring("entry.yaml:1") && ContainsSubstring(fault));
}

TEST_CASE("a bad image is refused with its place and its fault", "[spec]") {
    const auto [what, instead, fault] = GENERATE(table<std::string, std::string, std::string>({
        {"one:", "One:", "image name"},
        {"one:", "-one:", "image name"},
        {"linux/arm64", "linux/vax", "unknown platform linux/vax"},
        {"linux/arm64", "linux/amd64", "occurs twice"},
        {"[linux/amd64, linux/arm64]", "[]", "at least one"},
        {"config:", "confg:", "confg"},
        {"cmd:", "command:", "command"},
        {"    layers:", "    tag: a/b\n    layers:", "tag"},
        {"    layers:", "    compression: lzma\n    layers:", "none of gzip, zstd, none"},
        {"[[{directory: tmp}], []]", "[]", "at least one"},
        {"images:", "image:", "image"},
    }));
    std::string text = kSmallest;
    text.replace(text.find(what), what.size(), instead);
    CAPTURE(text);
    CHECK_THAT(message_of(read_images(text)), ContainsSubstring("images.yaml:") && ContainsSubstring(fault));
}
