// SPDX-License-Identifier: Apache-2.0
// What runs after a boot, and what listens.
#include <algorithm>
#include <regex>
#include <sstream>

#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

// The values of an option in a unit file, sorted.
std::vector<std::string> values_of(const std::string &text, const std::string &option) {
    std::vector<std::string> values;
    const std::regex pattern(option + "=(\\S+)");
    for (std::sregex_iterator found(text.begin(), text.end(), pattern); found != std::sregex_iterator(); ++found) {
        values.push_back((*found)[1]);
    }
    std::ranges::sort(values);
    return values;
}

bool is_loopback(const std::string &address) { return address.starts_with("127.") || address.starts_with("[::1]"); }

} // namespace

TEST_CASE("everything that was started runs", "[vm]") {
    Machine machine = booted();
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
    CHECK(said(machine, "systemctl is-system-running") == "running");
    for (const std::string &state :
         said_lines(machine, "systemctl is-active multi-user.target ssh systemd-networkd systemd-resolved "
                             "systemd-timesyncd dbus-broker ballast-boot-good ballast-growfs")) {
        CHECK(state == "active");
    }
}

TEST_CASE("devices that a boot does not wait for are looked at behind it", "[vm]") {
    const std::string units = "rootfs/usr/lib/systemd/system/";
    const std::string early = checkout_file(units + "systemd-udev-trigger.service.d/50-ballast.conf");
    const std::string late = checkout_file(units + "ballast-coldplug.service");
    CHECK(values_of(early, "--subsystem-nomatch").size() > 10);
    CHECK(values_of(early, "--subsystem-nomatch") == values_of(late, "--subsystem-match"));
    Machine machine = booted();
    CHECK(said(machine, "systemctl is-active ballast-coldplug") == "active");
    must(machine.run_checked("udevadm settle"));
    // Drivers that only a processor and a device of ACPI name, and a console that a login waits for.
    CHECK(must(machine.run("grep -q '^aesni_intel ' /proc/modules")).status == 0);
    CHECK(must(machine.run("grep -q '^button ' /proc/modules")).status == 0);
    CHECK(said(machine, "systemctl is-active dev-ttyS0.device") == "active");
}

TEST_CASE("directories of a boot are made without complaint", "[vm]") {
    Machine machine = booted();
    check_says_nothing(machine,
                       "journalctl --boot --quiet --priority=warning --identifier=systemd-tmpfiles --output=cat");
}

TEST_CASE("only ssh listens to the network", "[vm]") {
    Machine machine = booted();
    bool ssh = false;
    // Columns: protocol, state, receive and send queue, local address:port, peer.
    for (const std::string &line :
         said_lines(machine, "ss --no-header --listening --tcp --udp --numeric --processes")) {
        INFO(line);
        std::istringstream words(line);
        std::string protocol, state, received, sent, local;
        words >> protocol >> state >> received >> sent >> local;
        const std::size_t colon = local.rfind(':');
        REQUIRE(colon != std::string::npos);
        const std::string port = local.substr(colon + 1);
        // The client's end of DHCP: it takes answers to its own questions.
        const bool dhcp = protocol == "udp" && (port == "68" || port == "546") && line.contains("systemd-network");
        ssh = ssh || (protocol == "tcp" && port == "22");
        CHECK((is_loopback(local) || dhcp || (protocol == "tcp" && port == "22")));
    }
    CHECK(ssh);
}

TEST_CASE("names are asked of DNS alone", "[vm]") {
    Machine machine = booted();
    for (const char *protocol : {"llmnr", "mdns"}) {
        const auto lines = said_lines(machine, std::string("resolvectl ") + protocol);
        CHECK(lines.size() >= 2); // the whole machine, and each link
        for (const std::string &line : lines) {
            INFO(protocol << " " << line);
            CHECK(line.ends_with(": no"));
        }
    }
    CHECK(said(machine, "readlink /etc/resolv.conf").ends_with("run/systemd/resolve/stub-resolv.conf"));
    CHECK(said(machine, "resolvectl dns").contains("10.0.2.3")); // as QEMU's DHCP server says
}

TEST_CASE("swap is compressed memory", "[vm]") {
    Machine machine = booted();
    const auto swaps = said_lines(machine, "swapon --show=NAME,PRIO --noheadings --raw");
    REQUIRE(swaps.size() == 1);
    CHECK(swaps.front() == "/dev/zram0 100");
    CHECK(said(machine, "zramctl --noheadings --raw --output ALGORITHM /dev/zram0") == "zstd");
    const long long memory = std::stoll(said(machine, "sed -n 's/^MemTotal: *//p' /proc/meminfo"));
    const long long swap = std::stoll(said(machine, "sed -n 's/^SwapTotal: *//p' /proc/meminfo"));
    CHECK(swap > memory * 45 / 100);
    CHECK(swap < memory * 55 / 100);
}

TEST_CASE("the journal is kept on disk and bounded", "[vm]") {
    Machine machine = booted();
    const std::string id = said(machine, "cat /etc/machine-id");
    CHECK(said(machine, "journalctl --flush && ls /var/log/journal") == id);
    CHECK(must(machine.run("test -s /var/log/journal/" + id + "/system.journal")).status == 0);
    // journald's own account of its limit: "System Journal (/var/log/...) is 8M, max 512M, 504M free."
    const std::string account = said(machine, "journalctl --boot --identifier=systemd-journald --output=cat --grep "
                                              "'^System Journal \\(/var/log/journal' | tail -n 1");
    INFO(account);
    std::smatch found;
    REQUIRE(std::regex_search(account, found, std::regex("max ([0-9.]+)M")));
    CHECK(std::stod(found[1]) <= 512);
}

TEST_CASE("the clock is UTC and is kept by the network", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "date +%Z") == "UTC");
    CHECK(said(machine, "timedatectl show --property=Timezone --value") == "Etc/UTC");
    CHECK(said(machine, "timedatectl show --property=NTP --value") == "yes");
}

TEST_CASE("the serial line and the screen are both consoles with a login prompt", "[vm]") {
    Machine machine = booted();
    const std::string arguments = " " + said(machine, "cat /proc/cmdline") + " ";
    CHECK(arguments.contains(" console=tty0 "));
    CHECK(arguments.contains(" console=ttyS0,115200n8 "));
    CHECK(said(machine, "cat /sys/class/tty/console/active") == "tty0 ttyS0");
    CHECK(must(machine.run("test -x /bin/login")).status == 0);
    for (const char *unit : {"getty@tty1.service", "serial-getty@ttyS0.service"}) {
        INFO(unit);
        CHECK(said(machine, std::string("systemctl is-active ") + unit) == "active");
        CHECK(said(machine, std::string("systemctl show --property=NRestarts --value ") + unit) == "0");
    }
    // The kernel's view of the screen's text.
    CHECK(said(machine, "tr -d '\\0' </dev/vcs1").contains(" login:"));
}
