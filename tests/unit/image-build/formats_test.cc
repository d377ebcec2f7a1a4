// SPDX-License-Identifier: Apache-2.0
#include "image-build/formats.h"

#include <catch2/catch_test_macros.hpp>

#include "base/digest.h"
#include "base/subprocess.h"
#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a list of formats is read in its order", "[formats]") {
    const std::vector<Format> formats = must(parse_formats("raw,qcow2"));
    REQUIRE(formats.size() == 2);
    CHECK(formats[0].name == "raw");
    CHECK(formats[0].extension == ".raw.zst");
    CHECK(formats[1].name == "qcow2");
    CHECK(must(parse_formats("qcow2")).size() == 1);
}

TEST_CASE("an unknown, empty or repeated format is refused with the known ones", "[formats]") {
    for (const char *list : {"vmdk", "raw,vmdk", "RAW", "", ",", "raw,", "raw,,qcow2", "raw, qcow2", "raw,raw"}) {
        INFO(list);
        const Error error = error_of(parse_formats(list));
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains("raw"));
        CHECK(error.message.contains("qcow2"));
    }
    CHECK(error_of(parse_formats("vmdk")).message.contains("'vmdk'"));
}

TEST_CASE("checksums are sorted and in the form that sha256sum checks", "[formats]") {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "ballast-cloud.qcow2", "b"));
    must(write_file(directory.path() / "ballast-cloud.lock", "a"));
    must(write_file(directory.path() / "SHA256SUMS", "not this one"));
    must(make_directories(directory.path() / "ballast-directory"));
    const std::string text = must(checksums(directory.path(), "ballast-"));
    CHECK(text == sha256("a") + "  ballast-cloud.lock\n" + sha256("b") + "  ballast-cloud.qcow2\n");
    must(write_file(directory.path() / "SHA256SUMS", text));
    const Command check{.arguments = {"sha256sum", "--check", "--strict", "SHA256SUMS"}, .directory = directory.path()};
    CHECK(must(run(check)).status == 0);
}

TEST_CASE("a build of one format leaves no older build's other format behind", "[formats]") {
    const TemporaryDirectory directory = scratch();
    for (const char *name : {"ballast-cloud.qcow2", "ballast-cloud.raw.zst", "ballast-metal.raw.zst"}) {
        must(write_file(directory.path() / name, "old"));
    }
    must(remove_other_formats(directory.path() / "ballast-cloud", must(parse_formats("qcow2"))));
    CHECK(fs::exists(directory.path() / "ballast-cloud.qcow2"));
    CHECK_FALSE(fs::exists(directory.path() / "ballast-cloud.raw.zst"));
    CHECK(fs::exists(directory.path() / "ballast-metal.raw.zst"));
}

TEST_CASE("a disk image converts to every format and back", "[formats]") {
    const TemporaryDirectory directory = scratch();
    const fs::path raw = directory.path() / "disk.raw";
    const fs::path log = directory.path() / "log";
    std::string disk = std::string(1 << 20, '\0') + std::string(70'000, 'x');
    disk.resize(2 << 20, '\0');
    must(write_file(raw, disk));
    for (const Format &format : kFormats) {
        INFO(format.name);
        const fs::path output = directory.path() / ("image" + std::string(format.extension));
        const fs::path back = directory.path() / "back";
        must(convert(raw, format, output, log));
        CHECK(fs::file_size(output) < disk.size());
        const bool qcow2 = format.name == "qcow2";
        const Command restore{
            .arguments =
                qcow2 ? std::vector<std::string>{"qemu-img", "convert", "-O", "raw", output.string(), back.string()}
                      : std::vector<std::string>{"zstd", "-q", "-f", "-d", output.string(), "-o", back.string()}};
        (void)must(run_checked(restore));
        CHECK(must(read_file(back)) == disk);
    }
    CHECK_FALSE(convert(directory.path() / "missing", kFormats[0], directory.path() / "x", log).has_value());
}

} // namespace
} // namespace ballast::image_build
