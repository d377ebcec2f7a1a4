// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/esp.h"

#include <map>
#include <set>

#include "base/file_io.h"
#include "tests/unit/check.h"
#include "tests/unit/updater/boot_loader/killed.h"

namespace ballast::updater::boot_loader {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string> kPlaces{{"core.cfg", "EFI/debian/grub.cfg"},
                                                 {"grubx64.efi", "EFI/BOOT/grubx64.efi"},
                                                 {"mmx64.efi", "EFI/BOOT/mmx64.efi"},
                                                 {"shimx64.efi", "EFI/BOOT/BOOTX64.EFI"}};

// An ESP, and the files of a version that is to be put there.
struct Bench {
    TemporaryDirectory here = scratch();
    fs::path from = here.path() / "from", esp = here.path() / "esp";

    explicit Bench(const std::string &on_esp = "old") {
        must(make_directories(from));
        for (const auto &[name, place] : kPlaces) {
            must(write_file(from / name, "new " + name));
            must(make_directories((esp / place).parent_path()));
            if (!on_esp.empty()) {
                must(write_file(esp / place, on_esp + " " + name));
            }
        }
    }
    // "old" or "new", of a file that is whole.
    std::string age(const std::string &name) const {
        const std::string text = must(read_file(esp / kPlaces.at(name)));
        REQUIRE((text == "old " + name || text == "new " + name));
        return text.substr(0, 3);
    }
    std::size_t files() const {
        std::size_t count = 0;
        for (const auto &entry : fs::recursive_directory_iterator(esp)) {
            count += entry.is_regular_file() ? 1 : 0;
        }
        return count;
    }
    void is_new() const {
        for (const auto &[name, place] : kPlaces) {
            CHECK(age(name) == "new");
        }
        CHECK(files() == kPlaces.size());
    }
};

} // namespace

TEST_CASE("an ESP gets the new boot loader, and nothing is written when it has it", "[boot_loader]") {
    Bench bench;
    CHECK(must(update_esp(bench.from, bench.esp)));
    bench.is_new();
    int changes = 0;
    CHECK_FALSE(must(update_esp(bench.from, bench.esp, [&] { changes++; })));
    CHECK(changes == 0);
}

TEST_CASE("what lacks on the ESP is put there", "[boot_loader]") {
    Bench bench("");
    must(remove_tree(bench.esp));
    must(make_directories(bench.esp));
    CHECK(must(update_esp(bench.from, bench.esp)));
    bench.is_new();
}

TEST_CASE("killed before any of its changes, the ESP boots, and the next attempt completes it", "[boot_loader]") {
    std::set<std::string> mixes;
    int last = 0;
    for (;; last++) {
        const Bench bench;
        if (!dies_before(last, [&](const Step &step) { (void)update_esp(bench.from, bench.esp, step); })) {
            break;
        }
        INFO("killed before change " << last);
        // Whole files all of them, and no new shim beside an old GRUB.
        const std::string shim = bench.age("shimx64.efi"), grub = bench.age("grubx64.efi");
        mixes.insert(bench.age("core.cfg") + grub + bench.age("mmx64.efi") + shim);
        CHECK((shim == "old" || grub == "new"));
        (void)must(update_esp(bench.from, bench.esp));
        bench.is_new();
    }
    CHECK(last == 12); // four files written, put in place, and four old ones removed
    CHECK(mixes.size() == 5);
}

TEST_CASE("an ESP without room stays as it is", "[boot_loader]") {
    Bench bench;
    // A directory stands where the last file would be written.
    must(make_directories(bench.esp / "EFI/BOOT/BOOTX64.EFI.new/full"));
    CHECK_FALSE(update_esp(bench.from, bench.esp).has_value());
    CHECK(bench.age("grubx64.efi") == "old");
    CHECK(bench.files() == kPlaces.size());
}

TEST_CASE("a version that lacks a file changes nothing", "[boot_loader]") {
    Bench bench;
    must(remove_tree(bench.from / "shimx64.efi"));
    CHECK(error_of(update_esp(bench.from, bench.esp)).code == ENOENT);
    CHECK(bench.age("grubx64.efi") == "old");
}

} // namespace ballast::updater::boot_loader
