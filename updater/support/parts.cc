// SPDX-License-Identifier: Apache-2.0
#include "updater/support/parts.h"

#include <sstream>

namespace ballast::updater::support {
namespace {

std::vector<std::string> words(const std::string &line) {
    std::istringstream stream(line);
    std::vector<std::string> list;
    for (std::string word; stream >> word;) {
        list.push_back(std::move(word));
    }
    return list;
}

Part command(const std::string &name, const std::string &line) { return {Kind::kCommand, name, words(line)}; }
Part files(const std::string &pattern) { return {Kind::kFiles, "files", {pattern}}; }
Part engine(const std::string &name, const std::string &target) { return {Kind::kEngine, name, {target}}; }

} // namespace

std::vector<Part> bundle_parts(int boots) {
    std::vector<Part> parts{
        command("updates/status.txt", "ballast status"),
        command("updates/status.json", "ballast status --json"),
        command("updates/history.txt", "ballast history"),
        command("updates/health.txt", "ballast health"),
        files("/var/lib/ballast-updater/*.json*"),
        files("/var/lib/ballast-updater/health/*.json"),
        files("/var/lib/ballast-updater/health/failed/*.json"),

        command("ostree/status.txt", "ostree admin status --verbose"),
        command("ostree/etc-changes.txt", "ostree admin config-diff"),
        command("ostree/refs.txt", "ostree refs --repo=/ostree/repo"),
        files("/boot/loader/grub.cfg"),
        files("/boot/loader/entries/*.conf"),
        files("/boot/grub2/grubenv"),

        command("engine/unit.txt", "systemctl status --no-pager --full --lines=50 ballastd.service"),
        engine("engine/version.json", "/version"),
        engine("engine/info.json", "/info"),
        engine("engine/containers.json", "/containers/json?all=1"),
        engine("engine/images.json", "/images/json?all=1"),
        engine("engine/networks.json", "/networks"),
        engine("engine/volumes.json", "/volumes"),
        engine("engine/disk.json", "/system/df"),

        command("system/units.txt", "systemctl list-units --all --no-pager --full"),
        command("system/failed.txt", "systemctl status --failed --no-pager --full --lines=20"),
        command("system/jobs.txt", "systemctl list-jobs --no-pager --full"),
        command("system/timers.txt", "systemctl list-timers --all --no-pager --full"),
        command("system/processes.txt", "ps -eo pid,ppid,user,stat,rss,lstart,comm"),
        command("system/clock.txt", "timedatectl status"),
        command("system/kernel.txt", "uname -a"),
        command("system/modules.txt", "lsmod"),
        files("/etc/os-release"),
        files("/proc/cmdline"),
        files("/proc/meminfo"),
        files("/proc/cpuinfo"),
        files("/proc/loadavg"),
        files("/proc/uptime"),
        files("/proc/pressure/*"),
        files("/run/cloud-init/*.json"),

        command("disk/space.txt", "df --all --print-type"),
        command("disk/files.txt", "df --all --inodes"),
        command("disk/mounts.txt", "findmnt --all"),
        command("disk/devices.txt", "lsblk --output NAME,TYPE,SIZE,RO,FSTYPE,LABEL,PARTLABEL,MOUNTPOINTS"),

        command("network/addresses.txt", "ip -details address"),
        command("network/routes.txt", "ip route show table all"),
        command("network/routes6.txt", "ip -6 route show table all"),
        command("network/links.txt", "networkctl status --all --no-pager --lines=0"),
        command("network/names.txt", "resolvectl status --no-pager"),
        command("network/sockets.txt", "ss --all --numeric --tcp --udp"),
        command("network/rules.txt", "nft list ruleset"),

        files("/etc/ballast/*.json"),
        files("/etc/ballast/health.d/*/*"),
        command("journal/boots.txt", "journalctl --list-boots --no-pager"),
    };
    for (int back = 0; back < boots; back++) {
        const std::string boot = std::to_string(-back);
        parts.push_back(command("journal/boot" + std::string(back == 0 ? "-0" : boot) + ".txt",
                                "journalctl --boot=" + boot +
                                    " --no-pager --quiet --lines=20000 "
                                    "--output=short-iso-precise"));
    }
    return parts;
}

} // namespace ballast::updater::support
