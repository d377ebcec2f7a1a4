// SPDX-License-Identifier: Apache-2.0
#include "tests/bundles/spec.h"

namespace ballast::bundles {
namespace {

using nlohmann::ordered_json;
using Strings = std::vector<std::string>;

ordered_json mount(const char *destination, const char *type, const char *source, const Strings &options) {
    return {{"destination", destination}, {"type", type}, {"source", source}, {"options", options}};
}

ordered_json mounts() {
    return ordered_json::array({
        mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
        mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
        mount("/dev/pts", "devpts", "devpts",
              {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
        mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}),
        mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
        mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=67108864"}),
    });
}

ordered_json device(int major, int minor, const char *access) {
    return {{"allow", true}, {"type", "c"}, {"major", major}, {"minor", minor}, {"access", access}};
}

ordered_json resources() {
    return {{"devices", ordered_json::array({{{"allow", false}, {"access", "rwm"}},
                                             device(1, 5, "rwm"),
                                             device(1, 3, "rwm"),
                                             device(1, 9, "rwm"),
                                             device(1, 8, "rwm"),
                                             device(5, 0, "rwm"),
                                             device(5, 1, "rwm")})}};
}

ordered_json namespaces() {
    ordered_json list = ordered_json::array();
    for (const char *type : {"mount", "network", "uts", "pid", "ipc", "cgroup"}) {
        list.push_back({{"type", type}});
    }
    return list;
}

} // namespace

Strings default_capabilities() {
    return {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",     "CAP_MKNOD",
            "CAP_NET_RAW", "CAP_SETGID",       "CAP_SETUID",           "CAP_SETFCAP",    "CAP_SETPCAP",
            "CAP_KILL",    "CAP_SYS_CHROOT",   "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE"};
}

ordered_json engine_spec(const Strings &arguments, const ordered_json &seccomp) {
    const Strings capabilities = default_capabilities();
    ordered_json spec = {
        {"ociVersion", "1.0.2"},
        {"process",
         {{"user", {{"uid", 0}, {"gid", 0}, {"additionalGids", {0}}}},
          {"args", arguments},
          {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=engine"}},
          {"cwd", "/"},
          {"capabilities", {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
          {"oomScoreAdj", 0}}},
        {"root", {{"path", "rootfs"}}},
        {"hostname", "engine"},
        {"mounts", mounts()},
        {"linux",
         {{"resources", resources()},
          {"namespaces", namespaces()},
          {"maskedPaths",
           {"/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
            "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
            "/sys/fs/selinux"}},
          {"readonlyPaths",
           {"/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}}},
    };
    if (!seccomp.is_null()) {
        spec["linux"]["seccomp"] = seccomp;
    }
    return spec;
}

} // namespace ballast::bundles
