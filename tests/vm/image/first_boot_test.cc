// SPDX-License-Identifier: Apache-2.0
// A machine's first boot: what it makes of its own, on a disk larger than the image.
#include <chrono>
#include <thread>

#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr const char *kIdentity = "cat /etc/machine-id && cat /etc/ssh/ssh_host_*_key.pub";

// The prompt comes after readiness or before it: both are started by multi-user.target.
bool login_prompt_comes(Machine &machine) {
    for (int i = 0; i < 300; ++i) {
        if (must(read_file(machine.serial_log())).contains(" login:")) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
}

} // namespace

TEST_CASE("a first boot by BIOS grows the root to the disk and makes the machine its own identity", "[vm]") {
    std::string other;
    {
        Machine snapshot = must(Machine::from_snapshot(image_options("other")));
        other = said(snapshot, kIdentity);
    }
    MachineOptions options = image_options("new");
    options.disk_size = 20 * kGiB;
    Machine machine = must(Machine::boot(options));
    CHECK(said(machine, "systemctl is-active multi-user.target") == "active");
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    CHECK(must(machine.run("test -e /sys/firmware/efi")).status != 0);

    CHECK(std::stoull(said(machine, "df --output=size --block-size=1 /var | tail -n 1")) > 18 * kGiB);
    CHECK(std::stoull(said(machine, "df --output=size --block-size=1 / | tail -n 1")) > 18 * kGiB);

    const std::vector<std::string> theirs = lines_of(other);
    const std::vector<std::string> ours = said_lines(machine, kIdentity);
    REQUIRE(theirs.size() == 3);
    REQUIRE(ours.size() == 3);
    CHECK(ours[0].size() == 32);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        CHECK(ours[i] != theirs[i]);
    }

    CHECK(said(machine, "cat /proc/sys/kernel/hostname") == "ballast");
    CHECK(login_prompt_comes(machine));
}
