// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/bios.h"

#include <fcntl.h>

#include "base/bios_stages.h"
#include "base/file_io.h"
#include "tests/unit/check.h"
#include "tests/unit/updater/boot_loader/killed.h"

namespace ballast::updater::boot_loader {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kBootCode = 440;
constexpr BiosPartition kPartition{.first = 8, .sectors = 16};

std::string boot_image(char version) { return std::string(kSector, version); }
std::string core_image(char version) { return std::string(3 * kSector, version); }

// A disk as the image builder makes it, of version 'o'; behind the boot code the partition table, of 'p'.
struct Bench {
    TemporaryDirectory here = scratch();
    std::filesystem::path file = here.path() / "disk";

    Bench() {
        const BiosStages stages = must(place_bios_stages(boot_image('o'), core_image('o'), kPartition.first));
        std::string bytes(32 * kSector, 'x');
        bytes.replace(0, kSector, stages.boot_sector + std::string(kSector - kBootCode, 'p'));
        bytes.replace(kPartition.first * kSector, stages.core.size(), stages.core);
        must(write_file(file, bytes));
    }
    Result<bool> update(char version, const Step &step = {}) const {
        const Fd disk = must(open_file(file, O_RDWR));
        return update_bios(disk, kPartition, boot_image(version), core_image(version), step);
    }
    // The version that a BIOS would start: the boot sector and the core that it names belong together, whole.
    char started() const {
        const std::string bytes = must(read_file(file));
        const std::uint64_t core = core_sector_of(bytes);
        const char version = bytes[0];
        const BiosStages stages = must(place_bios_stages(boot_image(version), core_image(version), core));
        CHECK(bytes.starts_with(stages.boot_sector));
        CHECK(bytes.substr(kBootCode, kSector - kBootCode) == std::string(kSector - kBootCode, 'p'));
        CHECK(bytes.substr(core * kSector, stages.core.size()) == stages.core);
        CHECK(bytes.substr(kSector, (kPartition.first - 1) * kSector) ==
              std::string((kPartition.first - 1) * kSector, 'x'));
        const std::size_t end = (kPartition.first + kPartition.sectors) * kSector;
        CHECK(bytes.substr(end) == std::string(bytes.size() - end, 'x'));
        return version;
    }
};

} // namespace

TEST_CASE("the BIOS boot code moves from half to half of its partition, and nothing else changes", "[boot_loader]") {
    const Bench bench;
    REQUIRE(bench.started() == 'o');
    CHECK_FALSE(must(bench.update('o')));
    CHECK(must(bench.update('n')));
    CHECK(bench.started() == 'n');
    CHECK(core_sector_of(must(read_file(bench.file))) == kPartition.first + kPartition.sectors / 2);
    CHECK_FALSE(must(bench.update('n')));
    CHECK(must(bench.update('z')));
    CHECK(bench.started() == 'z');
    CHECK(core_sector_of(must(read_file(bench.file))) == kPartition.first);
}

TEST_CASE("killed before any of its changes, the BIOS finds a whole boot loader", "[boot_loader]") {
    int last = 0;
    for (;; last++) {
        const Bench bench;
        if (!dies_before(last, [&](const Step &step) { (void)bench.update('n', step); })) {
            break;
        }
        INFO("killed before change " << last);
        CHECK(bench.started() == 'o');
        CHECK(must(bench.update('n')));
        CHECK(bench.started() == 'n');
    }
    CHECK(last == 2);
}

TEST_CASE("a core that was cut off while it was written is never started", "[boot_loader]") {
    const Bench bench;
    for (std::size_t torn = 0; torn <= 3 * kSector; torn += kSector) {
        std::string bytes = must(read_file(bench.file));
        bytes.replace((kPartition.first + kPartition.sectors / 2) * kSector, torn, std::string(torn, 'n'));
        must(write_file(bench.file, bytes));
        CHECK(bench.started() == 'o');
    }
    CHECK(must(bench.update('n')));
    CHECK(bench.started() == 'n');
}

TEST_CASE("a core that rotted is written anew", "[boot_loader]") {
    const Bench bench;
    std::string bytes = must(read_file(bench.file));
    bytes[kPartition.first * kSector + 700] ^= 1;
    must(write_file(bench.file, bytes));
    CHECK(must(bench.update('o')));
    CHECK(bench.started() == 'o');
}

TEST_CASE("boot code of somebody else stays, and so does a core that would not fit twice", "[boot_loader]") {
    const Bench bench;
    const std::string before = must(read_file(bench.file));
    const Fd disk = must(open_file(bench.file, O_RDWR));
    const BiosPartition elsewhere{.first = 9, .sectors = 15};
    CHECK(error_of(update_bios(disk, elsewhere, boot_image('n'), core_image('n'))).code == EINVAL);
    const std::string large(9 * kSector, 'n');
    CHECK(error_of(update_bios(disk, kPartition, boot_image('n'), large)).code == ENOSPC);
    CHECK(error_of(update_bios(disk, kPartition, "none", core_image('n'))).code == EINVAL);
    CHECK(must(read_file(bench.file)) == before);
}

} // namespace ballast::updater::boot_loader
