// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>

#include "base/sysctl_name.h"
#include "runtime/oci/spec_parts.h"

namespace ballast::oci {
namespace {

constexpr std::array<std::string_view, 8> kIpcSysctls = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                                         "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                                         "kernel.shmmni", "kernel.shm_rmid_forced"};

bool is_control(char character) { return static_cast<unsigned char>(character) < ' ' || character == 0x7f; }

// Whether the name leads to one file below /proc/sys, and by no detour.
bool is_straight(const std::string &dotted_name) {
    std::string path = sysctl_path(dotted_name) + "/";
    for (std::size_t start = 0; start < path.size();) {
        std::size_t end = path.find('/', start);
        std::string_view component = std::string_view(path).substr(start, end - start);
        if (component.empty() || component == "." || component == ".." || std::ranges::any_of(component, is_control)) {
            return false;
        }
        start = end + 1;
    }
    return true;
}

// The namespace that keeps the value; nullopt: none does, so that it is the host's.
std::optional<NamespaceType> owner_of(std::string_view name) {
    if (std::ranges::contains(kIpcSysctls, name) || name.starts_with("fs.mqueue.")) {
        return NamespaceType::kIpc;
    }
    if (name == "kernel.domainname" || name == "kernel.hostname") {
        return NamespaceType::kUts;
    }
    if (name.starts_with("net.")) {
        return NamespaceType::kNetwork;
    }
    if (name.starts_with("user.")) { // what bounds namespaces in the host, without a user namespace
        return NamespaceType::kUser;
    }
    return std::nullopt;
}

std::string_view text_of(NamespaceType type) {
    switch (type) {
    case NamespaceType::kIpc:
        return "an ipc";
    case NamespaceType::kUts:
        return "a uts";
    case NamespaceType::kNetwork:
        return "a network";
    default:
        return "a user";
    }
}

} // namespace

void read_sysctls(const JsonCursor &from, const std::string &domainname, Linux &linux_part) {
    for (JsonCursor item : from.members()) {
        std::string name = dotted_sysctl(item.name());
        std::string value = item.text();
        std::optional<NamespaceType> owner = owner_of(name);
        if (!is_straight(name)) {
            item.fail("not the name of a kernel parameter");
        } else if (!owner) {
            item.fail("not in a namespace: it would be set for the whole host");
        } else if (!has_namespace(linux_part, *owner)) {
            item.fail("needs " + std::string(text_of(*owner)) + " namespace of the container's");
        } else if (name == "kernel.hostname") {
            item.fail("belongs into the property hostname");
        } else if (name == "kernel.domainname" && !domainname.empty() && domainname != value) {
            item.refuse("the value of the property domainname");
        } else if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) {
            item.refuse("a value without control characters");
        } else if (!linux_part.sysctl.emplace(std::move(name), std::move(value)).second) {
            item.fail("stands here twice");
        }
    }
}

} // namespace ballast::oci
