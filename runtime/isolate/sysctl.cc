// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/sysctl.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/sysctl_name.h"
#include "runtime/isolate/mount_syscalls.h"

namespace ballast::isolate {
namespace {

struct Owner {
    std::string_view name; // a parameter, or all below it when it ends in "/"
    oci::NamespaceType type;
    std::string_view namespace_name;
};

constexpr std::array kOwners = std::to_array<Owner>({
    {"fs/mqueue/", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/domainname", oci::NamespaceType::kUts, "uts"},
    {"kernel/msgmax", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/msgmnb", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/msgmni", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/sem", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/shm_rmid_forced", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/shmall", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/shmmax", oci::NamespaceType::kIpc, "ipc"},
    {"kernel/shmmni", oci::NamespaceType::kIpc, "ipc"},
    {"net/", oci::NamespaceType::kNetwork, "network"},
    {"user/", oci::NamespaceType::kUser, "user"},
});

const Owner *find_owner(std::string_view file) {
    for (const Owner &owner : kOwners) {
        if (owner.name.ends_with('/') ? file.starts_with(owner.name) : file == owner.name) {
            return &owner;
        }
    }
    return nullptr;
}

bool has_bad_component(std::string_view file) {
    for (std::size_t start = 0; start <= file.size();) {
        std::size_t end = std::min(file.find('/', start), file.size());
        std::string_view component = file.substr(start, end - start);
        if (component.empty() || component == "." || component == "..") {
            return true;
        }
        start = end + 1;
    }
    return false;
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool has_namespace(const oci::Spec &spec, oci::NamespaceType type) {
    return std::ranges::any_of(spec.linux_.namespaces, [type](const oci::Namespace &one) { return one.type == type; });
}

} // namespace

Result<std::vector<Sysctl>> plan_sysctls(const oci::Spec &spec) {
    std::vector<Sysctl> planned;
    for (const auto &[name, value] : spec.linux_.sysctl) {
        std::string where = "linux.sysctl: " + name + ": ";
        std::string file = sysctl_path(name);
        if (has_bad_component(file) || has_control_character(name)) {
            return fail(EINVAL, where + "not a name of a kernel parameter");
        }
        if (has_control_character(value)) {
            return fail(EINVAL, where + "control character in the value");
        }
        const Owner *owner = find_owner(file);
        if (owner == nullptr) {
            return fail(EINVAL, where + (file == "kernel/hostname" ? "use the property hostname instead"
                                                                   : "would change the host, not the container"));
        }
        if (!has_namespace(spec, owner->type)) {
            return fail(EINVAL,
                        where + "the container has no " + std::string(owner->namespace_name) + " namespace of its own");
        }
        if (file == "kernel/domainname" && !spec.domainname.empty() && spec.domainname != value) {
            return fail(EINVAL, where + "contradicts the property domainname");
        }
        planned.emplace_back(std::move(file), value);
    }
    return planned;
}

Outcome write_sysctls(const std::vector<Sysctl> &sysctls, BorrowedFd proc) {
    if (sysctls.empty()) {
        return done();
    }
    constexpr std::uint64_t kBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    Fd sys(open_at(proc.get(), "sys", O_PATH | O_DIRECTORY, kBelow));
    if (!sys.is_open()) {
        return failed_at(Step::kSysctl, 0);
    }
    for (std::size_t i = 0; i < sysctls.size(); i++) {
        const auto &[file, value] = sysctls[i];
        Fd parameter(open_at(sys.get(), file.c_str(), O_WRONLY, kBelow));
        // One write or nothing: the kernel parses every write as a value of its own.
        if (!parameter.is_open() ||
            write(parameter.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
            return failed_at(Step::kSysctl, static_cast<int>(i));
        }
    }
    return done();
}

} // namespace ballast::isolate
