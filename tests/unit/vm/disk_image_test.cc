// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/disk_image.h"

#include <catch2/catch_test_macros.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

struct Disks {
    TemporaryDirectory directory = std::move(*TemporaryDirectory::create("/tmp", "disk-test-"));
    std::filesystem::path raw = directory.path() / "disk.raw";
    Disks() { REQUIRE(write_file(raw, std::string(1 << 20, 'r')).has_value()); }
};

} // namespace

TEST_CASE_METHOD(Disks, "format and size are read from the file", "[vm]") {
    const auto plain = inspect_disk(raw);
    REQUIRE(plain.has_value());
    CHECK(plain->format == "raw");
    CHECK(plain->size == 1 << 20);

    const std::filesystem::path overlay = directory.path() / "overlay";
    REQUIRE(make_overlay(raw, overlay, 5ULL << 30).has_value());
    const auto grown = inspect_disk(overlay);
    REQUIRE(grown.has_value());
    CHECK(grown->format == "qcow2");
    CHECK(grown->size == 5ULL << 30);
    REQUIRE(make_overlay(overlay, directory.path() / "second", 0).has_value());
    CHECK(inspect_disk(directory.path() / "second")->size == 5ULL << 30);
}

TEST_CASE_METHOD(Disks, "an overlay never cuts its disk off", "[vm]") {
    const auto made = make_overlay(raw, directory.path() / "overlay", 4096);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message.contains("smaller than " + raw.string()));
    CHECK_FALSE(std::filesystem::exists(directory.path() / "overlay"));
}

TEST_CASE_METHOD(Disks, "a missing or broken image is named", "[vm]") {
    CHECK(inspect_disk(directory.path() / "none").error().message.contains("none"));
    REQUIRE(write_file(raw, "QFI\xfb").has_value());
    CHECK(inspect_disk(raw).error().message.contains("cut off"));
}
