// SPDX-License-Identifier: Apache-2.0
#include "boot/root_device.h"

#include <blkid.h>
#include <cstdlib>
#include <memory>
#include <sys/stat.h>

namespace ballast::boot {
namespace {

// What libblkid hands out is the caller's to free.
std::string taken(char *text) {
    const std::unique_ptr<char, void (*)(void *)> owner(text, std::free);
    return text == nullptr ? "" : text;
}

} // namespace

std::optional<RootDevice> find_root_device(const std::string &root) {
    // One that has looked remembers for minutes what was not there.
    blkid_cache cache = nullptr;
    if (blkid_get_cache(&cache, "/dev/null") != 0) {
        return std::nullopt;
    }
    const std::unique_ptr<blkid_struct_cache, void (*)(blkid_cache)> owner(cache, blkid_put_cache);
    const std::size_t equals = root.find('=');
    RootDevice device;
    if (root.starts_with('/')) {
        struct stat found{};
        device.path = stat(root.c_str(), &found) == 0 && S_ISBLK(found.st_mode) ? root : "";
    } else if (equals != std::string::npos) {
        device.path = taken(blkid_get_devname(cache, root.substr(0, equals).c_str(), root.substr(equals + 1).c_str()));
    }
    if (device.path.empty()) {
        return std::nullopt;
    }
    device.type = taken(blkid_get_tag_value(cache, "TYPE", device.path.c_str()));
    return device;
}

} // namespace ballast::boot
