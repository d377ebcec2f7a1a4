// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/seed_iso.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cctype>

#include "base/file_io.h"
#include "base/subprocess.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

constexpr std::size_t kSector = 2048;
constexpr std::size_t kPrimary = 16 * kSector; // ECMA-119: the volume descriptors start at sector 16

TemporaryDirectory scratch() {
    auto made = TemporaryDirectory::create("/tmp", "seed-test-");
    REQUIRE(made.has_value());
    return std::move(*made);
}

} // namespace

TEST_CASE("a seed disk is an ISO image with the volume id cidata", "[vm]") {
    const auto iso = make_seed_iso({{"user-data", "#cloud-config\n"}, {"meta-data", "instance-id: one\n"}});
    REQUIRE(iso.has_value());
    REQUIRE(iso->size() > kPrimary + kSector);
    CHECK(iso->substr(kPrimary, 6) == "\x01"
                                      "CD001");
    // Upper or lower case: NoCloud takes both.
    std::string volume = iso->substr(kPrimary + 40, 6);
    std::ranges::transform(volume, volume.begin(), [](unsigned char c) { return std::tolower(c); });
    CHECK(volume == "cidata");
    // A supplementary descriptor, in UCS-2, is Joliet's.
    CHECK(iso->substr(kPrimary + kSector, 6) == "\x02"
                                                "CD001");
}

TEST_CASE("libblkid finds the seed by the label that cloud-init looks for", "[vm]") {
    const TemporaryDirectory directory = scratch();
    const auto iso = make_seed_iso({{"user-data", ""}, {"meta-data", "instance-id: one\n"}});
    REQUIRE(iso.has_value());
    REQUIRE(write_file(directory.path() / "iso", *iso).has_value());
    const auto label =
        run_checked({.arguments = {"blkid", "-p", "-o", "value", "-s", "LABEL", (directory.path() / "iso").string()}});
    REQUIRE(label.has_value());
    CHECK((*label == "cidata\n" || *label == "CIDATA\n"));
}

TEST_CASE("every byte of every file is on the disk under its own name", "[vm]") {
    const TemporaryDirectory directory = scratch();
    const SeedFiles files = {{"meta-data", "instance-id: one\n"},
                             {"network-config", std::string("bytes\0more", 10)},
                             {"user-data", std::string(100'000, 'u') + "end"}};
    const auto iso = make_seed_iso(files);
    REQUIRE(iso.has_value());
    REQUIRE(write_file(directory.path() / "iso", *iso).has_value());
    // A reader that is not ours.
    REQUIRE(run_checked({.arguments = {"bsdtar", "-xf", "iso"}, .directory = directory.path()}).has_value());
    for (const auto &[name, content] : files) {
        CHECK(read_file(directory.path() / name).value_or("missing") == content);
    }
}

TEST_CASE("a seed without meta-data gets an instance id that follows its content", "[vm]") {
    const TemporaryDirectory directory = scratch();
    REQUIRE(write_file(directory.path() / "user-data", "#cloud-config\n").has_value());
    const auto one = read_seed(directory.path());
    REQUIRE(one.has_value());
    CHECK(one->at("meta-data").starts_with("instance-id: seed-"));
    CHECK(read_seed(directory.path())->at("meta-data") == one->at("meta-data"));
    REQUIRE(write_file(directory.path() / "user-data", "#cloud-config\nhostname: x\n").has_value());
    CHECK(read_seed(directory.path())->at("meta-data") != one->at("meta-data"));
    REQUIRE(write_file(directory.path() / "meta-data", "instance-id: mine\n").has_value());
    CHECK(read_seed(directory.path())->at("meta-data") == "instance-id: mine\n");
}

TEST_CASE("a seed with a misspelt or missing file is refused by name", "[vm]") {
    const TemporaryDirectory directory = scratch();
    const auto empty = read_seed(directory.path());
    REQUIRE_FALSE(empty.has_value());
    CHECK(empty.error().message.contains("user-data"));
    REQUIRE(write_file(directory.path() / "user_data", "").has_value());
    const auto misspelt = read_seed(directory.path());
    REQUIRE_FALSE(misspelt.has_value());
    CHECK(misspelt.error().code == EINVAL);
    CHECK(misspelt.error().message.contains("\"user_data\""));
    CHECK_FALSE(read_seed(directory.path() / "nowhere").has_value());
}
