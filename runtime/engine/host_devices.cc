// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/host_devices.h"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostDevices = 4096;

std::optional<HostDevice> device_at(const fs::path &path, const std::string &inside, const std::string &access) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0 || (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))) {
        return std::nullopt;
    }
    return HostDevice{.path = inside,
                      .type = S_ISCHR(status.st_mode) ? 'c' : 'b',
                      .major = major(status.st_rdev),
                      .minor = minor(status.st_rdev),
                      .mode = status.st_mode & 07777U,
                      .uid = status.st_uid,
                      .gid = status.st_gid,
                      .access = access};
}

bool is_of_every_container(const std::string &path) {
    for (const char *own :
         {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/console", "/dev/.lxc", "/dev/.udev"}) {
        const std::string name = own;
        if (path == name || path.starts_with(name + "/")) {
            return true;
        }
    }
    return false;
}

void add_directory(const fs::path &directory, const fs::path &inside, const std::string &access,
                   std::vector<HostDevice> &devices) {
    std::error_code error;
    fs::recursive_directory_iterator entry(directory, fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        const std::string path = entry->path();
        if (is_of_every_container(path)) {
            entry.disable_recursion_pending();
            continue;
        }
        if (entry->is_symlink(error) || devices.size() >= kMostDevices) {
            continue;
        }
        if (auto device = device_at(path, inside / fs::path(path).lexically_relative(directory), access)) {
            devices.push_back(std::move(*device));
        }
    }
}

bool is_access(const std::string &text) { return !text.empty() && text.find_first_not_of("rwm") == std::string::npos; }

} // namespace

Result<std::vector<HostDevice>> find_devices(const HostConfig &host) {
    std::vector<HostDevice> devices;
    if (host.privileged) {
        add_directory("/dev", "/dev", "rwm", devices);
        return devices;
    }
    for (const DeviceMapping &mapping : host.devices) {
        const std::string access = mapping.cgroup_permissions.empty() ? "rwm" : mapping.cgroup_permissions;
        const std::string inside = mapping.path_in_container.empty() ? mapping.path_on_host : mapping.path_in_container;
        if (!is_access(access)) {
            return fail(EINVAL, "invalid device mode: " + escaped(access));
        }
        const std::string what =
            "error gathering device information while adding custom device " + quote(mapping.path_on_host);
        std::error_code error;
        if (!mapping.path_on_host.starts_with('/') || !inside.starts_with('/')) {
            return fail(EINVAL, what + ": want absolute paths");
        }
        if (!fs::exists(mapping.path_on_host, error)) {
            return fail(ENOENT, what + ": no such file or directory");
        }
        if (fs::is_directory(mapping.path_on_host, error)) {
            add_directory(mapping.path_on_host, inside, access, devices);
        } else if (auto device = device_at(mapping.path_on_host, inside, access)) {
            devices.push_back(std::move(*device));
        } else {
            return fail(EINVAL, what + ": not a device node");
        }
    }
    return devices;
}

Result<std::map<std::string, std::pair<unsigned, unsigned>>> find_block_devices(const Resources &resources) {
    std::map<std::string, std::pair<unsigned, unsigned>> numbers;
    Texts paths;
    for (const WeightDevice &device : resources.blkio_weight_device) {
        paths.push_back(device.path);
    }
    for (const auto *list : {&resources.blkio_read_bps, &resources.blkio_write_bps, &resources.blkio_read_iops,
                             &resources.blkio_write_iops}) {
        for (const ThrottleDevice &device : *list) {
            paths.push_back(device.path);
        }
    }
    for (const std::string &path : paths) {
        struct stat status{};
        if (stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) {
            return fail(EINVAL, "no such block device: " + escaped(path));
        }
        numbers[path] = {major(status.st_rdev), minor(status.st_rdev)};
    }
    return numbers;
}

} // namespace ballast::engine
