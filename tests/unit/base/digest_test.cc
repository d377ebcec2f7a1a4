// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <catch2/catch_test_macros.hpp>

#include "base/file_io.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

// FIPS 180-4's examples, as NIST publishes them.
constexpr const char *kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char *kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char *kTwoBlocks = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr const char *kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST_CASE("SHA-256 gives the published digests", "[digest]") {
    CHECK(sha256("") == kEmpty);
    CHECK(sha256("abc") == kAbc);
    CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") == kTwoBlocks);
    CHECK(sha256(std::string(1'000'000, 'a')) == kMillionA);
}

TEST_CASE("SHA-256 takes every byte, NUL included", "[digest]") {
    CHECK(sha256(std::string_view("\0", 1)) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    CHECK(sha256(std::string_view("a\0b", 3)) != sha256("a"));
}

TEST_CASE("a file's digest is that of its bytes, over many reads", "[digest]") {
    const auto directory = TemporaryDirectory::create(fs::temp_directory_path(), "ballast-digest-").value();
    const fs::path file = directory.path() / "file";
    REQUIRE(write_file(file, std::string(1'000'000, 'a')).has_value());
    CHECK(sha256_file(file).value() == kMillionA);
    REQUIRE(write_file(file, "").has_value());
    CHECK(sha256_file(file).value() == kEmpty);
}

TEST_CASE("a file that cannot be read has no digest", "[digest]") {
    const auto directory = TemporaryDirectory::create(fs::temp_directory_path(), "ballast-digest-").value();
    const fs::path missing = directory.path() / "missing";
    const auto result = sha256_file(missing);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ENOENT);
    CHECK(result.error().message.contains(missing.string()));
    REQUIRE_FALSE(sha256_file(directory.path()).has_value());
    CHECK(sha256_file(directory.path()).error().code == EISDIR);
}

} // namespace
} // namespace ballast
