// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/isolate/clean_path.h"
#include "runtime/isolate/devices.h"
#include "runtime/isolate/idmap.h"

namespace ballast::isolate {
namespace {

struct Default {
    const char *path;
    unsigned major, minor;
};

// config-linux.md, "Default Devices".
constexpr std::array kDefaults = std::to_array<Default>({
    {"dev/null", 1, 3},
    {"dev/zero", 1, 5},
    {"dev/full", 1, 7},
    {"dev/random", 1, 8},
    {"dev/urandom", 1, 9},
    {"dev/tty", 5, 0},
});

constexpr std::int64_t kMostMajor = 0xfff; // 12 and 20 bits: what the kernel keeps of a number
constexpr std::int64_t kMostMinor = 0xfffff;

mode_t file_type(char type) {
    switch (type) {
    case 'b':
        return S_IFBLK;
    case 'p':
        return S_IFIFO;
    default:
        return S_IFCHR;
    }
}

void set_path(DeviceStep &step, const std::string &clean) {
    std::size_t slash = clean.rfind('/');
    step.parent = slash == std::string::npos ? "" : clean.substr(0, slash);
    step.name = slash == std::string::npos ? clean : clean.substr(slash + 1);
}

Status set_host_owner(DeviceStep &step, const oci::Linux &part, const std::string &where) {
    step.host_uid = step.uid;
    step.host_gid = step.gid;
    if (!step.bound || part.uid_mappings.empty()) {
        return {};
    }
    if (!map_to_host(part.uid_mappings, step.uid, step.host_uid) ||
        !map_to_host(part.gid_mappings, step.gid, step.host_gid)) {
        if (step.owned) {
            return fail(EINVAL, where + ": the user namespace does not map its owner");
        }
    }
    return {};
}

Result<DeviceStep> plan_device(const oci::Device &device, const oci::Linux &part, bool new_user_namespace,
                               const std::string &where) {
    std::string clean = clean_path(device.path);
    if (clean.empty()) {
        return fail(EINVAL, where + ".path: \"" + device.path + "\" is no place for a device");
    }
    DeviceStep step;
    step.path = "/" + clean;
    set_path(step, clean);
    step.type = file_type(device.type);
    step.mode = device.file_mode.value_or(0666) & 07777;
    if (step.type != S_IFIFO) {
        if (device.major < 0 || device.major > kMostMajor || device.minor < 0 || device.minor > kMostMinor) {
            return fail(EINVAL, where + ": " + device.path + ": no such device number " + std::to_string(device.major) +
                                    ":" + std::to_string(device.minor));
        }
        step.number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
    }
    step.uid = device.uid.value_or(0);
    step.gid = device.gid.value_or(0);
    step.owned = device.file_mode || device.uid || device.gid;
    step.bound = new_user_namespace && step.type != S_IFIFO; // anybody may make a pipe
    TRY(set_host_owner(step, part, where));
    return step;
}

bool has_path(const std::vector<DeviceStep> &devices, const std::string &clean) {
    return std::ranges::any_of(devices, [&clean](const DeviceStep &one) { return clean_path(one.path) == clean; });
}

} // namespace

Result<std::vector<DeviceStep>> plan_devices(const oci::Spec &spec, bool new_user_namespace, bool terminal) {
    std::vector<DeviceStep> given;
    for (std::size_t i = 0; i < spec.linux_.devices.size(); i++) {
        const oci::Device &device = spec.linux_.devices[i];
        std::string clean = clean_path(device.path);
        // The first is a link into the container's own devpts, the second its terminal.
        if (clean == "dev/ptmx" || (terminal && clean == "dev/console")) {
            continue;
        }
        given.push_back(
            TRY(plan_device(device, spec.linux_, new_user_namespace, "linux.devices[" + std::to_string(i) + "]")));
    }
    std::vector<DeviceStep> planned;
    planned.reserve(given.size() + kDefaults.size());
    for (const Default &one : kDefaults) {
        if (has_path(given, one.path)) {
            continue;
        }
        DeviceStep step;
        step.path = std::string("/") + one.path;
        set_path(step, one.path);
        step.type = S_IFCHR;
        step.number = makedev(one.major, one.minor);
        step.bound = new_user_namespace;
        TRY(set_host_owner(step, spec.linux_, step.path));
        planned.push_back(std::move(step));
    }
    std::ranges::move(given, std::back_inserter(planned));
    return planned;
}

} // namespace ballast::isolate
