// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/spec_template.h"

#include <initializer_list>

#include <nlohmann/json.hpp>

#include "runtime/oci/spec_names.h"

namespace ballast::oci {
namespace {

using Json = nlohmann::ordered_json;
using Words = std::initializer_list<const char *>;

Json list(Words words) {
    Json result = Json::array();
    for (const char *word : words) {
        result.push_back(word);
    }
    return result;
}

Json process() {
    Json capabilities;
    for (const char *set : {"bounding", "effective", "permitted"}) {
        capabilities[set] = list({"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"});
    }
    Json limit;
    limit["type"] = "RLIMIT_NOFILE";
    limit["hard"] = 1024;
    limit["soft"] = 1024;
    Json process;
    process["terminal"] = true;
    process["user"]["uid"] = 0;
    process["user"]["gid"] = 0;
    process["args"] = list({"sh"});
    process["env"] = list({"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"});
    process["cwd"] = "/";
    process["capabilities"] = std::move(capabilities);
    process["rlimits"] = Json::array({std::move(limit)});
    process["noNewPrivileges"] = true;
    return process;
}

Json mount(const char *destination, const char *type, const char *source, Words options) {
    Json mount;
    mount["destination"] = destination;
    mount["type"] = type;
    mount["source"] = source;
    if (options.size() > 0) {
        mount["options"] = list(options);
    }
    return mount;
}

Json mounts(bool rootless) {
    Json mounts = Json::array();
    mounts.push_back(mount("/proc", "proc", "proc", {}));
    mounts.push_back(mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
    Json terminals =
        mount("/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"});
    if (!rootless) {
        terminals["options"].push_back("gid=5"); // tty: a group that the one mapping of a rootless container lacks
    }
    mounts.push_back(std::move(terminals));
    mounts.push_back(mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}));
    mounts.push_back(mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
    // A new sysfs is only to be had by who owns the network namespace, which a rootless container shares with the host.
    mounts.push_back(rootless ? mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"})
                              : mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
    mounts.push_back(mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}));
    return mounts;
}

Json namespaces(Words types) {
    Json namespaces = Json::array();
    for (const char *type : types) {
        Json entry;
        entry["type"] = type;
        namespaces.push_back(std::move(entry));
    }
    return namespaces;
}

Json mapping_to(std::uint32_t host_id) {
    Json mapping;
    mapping["containerID"] = 0;
    mapping["hostID"] = host_id;
    mapping["size"] = 1;
    return Json::array({std::move(mapping)});
}

Json linux_part(const std::optional<RootlessUser> &rootless) {
    Json result;
    if (rootless) {
        result["uidMappings"] = mapping_to(rootless->uid);
        result["gidMappings"] = mapping_to(rootless->gid);
        result["namespaces"] = namespaces({"pid", "ipc", "uts", "mount", "cgroup", "user"});
    } else {
        Json nothing;
        nothing["allow"] = false;
        nothing["access"] = "rwm";
        result["resources"]["devices"] = Json::array({std::move(nothing)});
        result["namespaces"] = namespaces({"pid", "network", "ipc", "uts", "mount", "cgroup"});
    }
    result["maskedPaths"] =
        list({"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
              "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"});
    result["readonlyPaths"] = list({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"});
    return result;
}

} // namespace

std::string spec_template(const std::optional<RootlessUser> &rootless) {
    Json spec;
    spec["ociVersion"] = kNewestSpecVersion;
    spec["process"] = process();
    spec["root"]["path"] = "rootfs";
    spec["root"]["readonly"] = true;
    spec["hostname"] = "ballast";
    spec["mounts"] = mounts(rootless.has_value());
    spec["linux"] = linux_part(rootless);
    return spec.dump(1, '\t') + "\n";
}

} // namespace ballast::oci
