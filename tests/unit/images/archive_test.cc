// SPDX-License-Identifier: Apache-2.0
#include "tests/images/archive.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <clocale>

#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::time_t kTime = 1735689600;

std::vector<Entry> every_kind() {
    std::string capability("\x01\x00\x00\x02\x00\x04\x00\x00", 8);
    capability.resize(20, '\0');
    return {
        {.path = ".wh.gone"},
        {.path = "directory", .kind = Kind::kDirectory, .mode = 01777, .user = 1000, .group = 3000000},
        {.path = "directory/.wh..wh..opq"},
        {.path = "directory/link", .kind = Kind::kSymlink, .target = "../größe", .mode = 0777},
        {.path = "größe",
         .content = std::string("a\0b\n", 4),
         .mode = 04755,
         .attributes = {{"security.capability", capability}, {"user.note", "text"}}},
        {.path = "long/" + std::string(250, 'x') + "/" + std::string(255, 'y'), .content = "deep"},
        {.path = "pipe", .kind = Kind::kFifo, .mode = 0600},
        {.path = "second", .kind = Kind::kHardLink, .target = "größe", .mode = 04755},
    };
}

} // namespace

TEST_CASE("a tar archive gives back every kind of entry with its attributes", "[archive]") {
    const std::vector<Entry> written = every_kind();
    CHECK(must(read_tar(must(write_tar(written, kTime)))) == written);
}

TEST_CASE("a tar archive's bytes do not depend on the process's locale", "[archive]") {
    const std::string before = must(write_tar(every_kind(), kTime));
    REQUIRE(std::setlocale(LC_ALL, "C.UTF-8") != nullptr);
    const std::string under_utf8 = must(write_tar(every_kind(), kTime));
    std::setlocale(LC_ALL, "C");
    CHECK(before == under_utf8);
    CHECK_THAT(before, ContainsSubstring("größe") && !ContainsSubstring("hdrcharset"));
}

TEST_CASE("extended attributes are written once, as SCHILY.xattr", "[archive]") {
    const std::string tar = must(write_tar(every_kind(), kTime));
    CHECK_THAT(tar, ContainsSubstring("SCHILY.xattr.security.capability=") && !ContainsSubstring("LIBARCHIVE"));
}

TEST_CASE("modification times come from the argument alone", "[archive]") {
    CHECK(must(write_tar(every_kind(), kTime)) != must(write_tar(every_kind(), kTime + 1)));
}

TEST_CASE("an archive without entries is valid", "[archive]") {
    const std::string tar = must(write_tar({}, kTime));
    CHECK(tar.size() % 512 == 0);
    CHECK(tar.size() >= 1024); // the two blocks that end an archive
    CHECK(must(read_tar(tar)).empty());
}

TEST_CASE("a damaged archive is an error and not a short list", "[archive]") {
    std::string tar = must(write_tar(every_kind(), kTime));
    tar[148] ^= 1; // the first header's checksum
    CHECK_FALSE(read_tar(tar).has_value());
    const std::string compressed = must(compress(must(write_tar(every_kind(), kTime)), Compression::kGzip));
    CHECK_FALSE(read_tar(std::string_view(compressed).substr(0, compressed.size() / 2)).has_value());
}

TEST_CASE("a gzip header holds neither a time nor a name", "[archive]") {
    const std::string bytes = must(compress("content", Compression::kGzip));
    REQUIRE(bytes.size() > 10);
    CHECK(bytes.substr(0, 4) == std::string("\x1f\x8b\x08\x00", 4)); // no optional fields
    CHECK(bytes.substr(4, 4) == std::string(4, '\0'));               // no time
}

TEST_CASE("every compression gives the same bytes twice and is undone by decompress", "[archive]") {
    std::string bytes;
    for (int line = 0; line < 20000; ++line) {
        bytes += std::to_string(line * line) + "\n";
    }
    for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
        const std::string compressed = must(compress(bytes, compression));
        CHECK(compressed == must(compress(bytes, compression)));
        CHECK((compression == Compression::kNone) == (compressed == bytes));
        CHECK(must(decompress(compressed)) == bytes);
    }
    CHECK(must(compress("x", Compression::kZstd)).substr(0, 4) == "\x28\xb5\x2f\xfd");
}
