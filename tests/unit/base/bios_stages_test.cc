// SPDX-License-Identifier: Apache-2.0
#include "base/bios_stages.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast {
namespace {

std::uint64_t little_endian(const std::string &bytes, std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.at(at + i))) << (8 * i);
    }
    return value;
}

// Places where `patched` differs from `original`.
std::vector<std::size_t> changes(const std::string &original, const std::string &patched) {
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at < std::min(original.size(), patched.size()); ++at) {
        if (original[at] != patched[at]) {
            places.push_back(at);
        }
    }
    return places;
}

TEST_CASE("the BIOS stages learn where the core begins, and nothing else changes", "[boot_loader]") {
    const std::string boot_image(512, '\x55');
    const std::string core_image(2000, '\x55'); // four sectors, the last one not full
    constexpr std::uint64_t kCore = 0x0123456789abcdef;
    const BiosStages stages = must(place_bios_stages(boot_image, core_image, kCore));

    CHECK(stages.boot_sector.size() == 440); // the disk's signature and partition table stay the disk's
    CHECK(little_endian(stages.boot_sector, 0x5c, 8) == kCore);
    CHECK(core_sector_of(stages.boot_sector) == kCore);
    CHECK(stages.boot_sector.substr(0x66, 2) == "\x90\x90");
    CHECK(changes(boot_image, stages.boot_sector) ==
          std::vector<std::size_t>{0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x63, 0x66, 0x67});

    CHECK(stages.core.size() == 2048); // whole sectors
    CHECK(stages.core.substr(2000) == std::string(48, '\0'));
    CHECK(little_endian(stages.core, 0x1f4, 8) == kCore + 1); // behind the sector that boot.img loaded
    CHECK(little_endian(stages.core, 0x1f4 + 8, 2) == 3);
    CHECK(little_endian(stages.core, 0x1f4 + 10, 2) == 0x820);
    for (const std::size_t at : changes(core_image, stages.core)) {
        CHECK(at >= 0x1f4);
        CHECK(at < 0x200);
    }
}

TEST_CASE("a core of whole sectors is not padded", "[boot_loader]") {
    const BiosStages stages = must(place_bios_stages(std::string(512, 'b'), std::string(1024, 'c'), 34));
    CHECK(stages.core.size() == 1024);
    CHECK(little_endian(stages.core, 0x1fc, 2) == 1);
    CHECK(little_endian(stages.core, 0x1f4, 8) == 35);
}

TEST_CASE("what cannot be GRUB's stages is refused with the sizes", "[boot_loader]") {
    const Error short_boot = error_of(place_bios_stages(std::string(511, 'b'), std::string(1024, 'c'), 34));
    CHECK(short_boot.code == EINVAL);
    CHECK(short_boot.message.contains("511"));
    CHECK_FALSE(place_bios_stages(std::string(513, 'b'), std::string(1024, 'c'), 34).has_value());
    CHECK_FALSE(place_bios_stages("", "", 34).has_value());
    CHECK(error_of(place_bios_stages(std::string(512, 'b'), std::string(1023, 'c'), 34)).message.contains("1023"));
    // The block list counts sectors in 16 bits.
    CHECK_FALSE(place_bios_stages(std::string(512, 'b'), std::string(512ULL * 0x10001, 'c'), 34).has_value());
}

} // namespace
} // namespace ballast
