// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <climits>
#include <fcntl.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "runtime/isolate/clean_path.h"
#include "runtime/isolate/devices.h"
#include "runtime/isolate/masked_paths.h"
#include "runtime/isolate/mount_syscalls.h"
#include "runtime/isolate/mounts.h"
#include "runtime/isolate/rootfs.h"
#include "runtime/isolate/sysctl.h"

// The parent's part: the plan, and what is opened for it.
namespace ballast::isolate {
namespace {

struct Propagation {
    std::string_view name;
    unsigned long type;
};

constexpr std::array kPropagations = std::to_array<Propagation>({
    {"shared", MS_SHARED},
    {"slave", MS_SLAVE},
    {"private", MS_PRIVATE},
    {"unbindable", MS_UNBINDABLE},
});

Status plan_propagation(RootfsPlan &plan, const std::string &text) {
    if (text.empty()) {
        return {};
    }
    for (const Propagation &one : kPropagations) {
        bool recursive = text.size() == one.name.size() + 1 && text[0] == 'r' && text.ends_with(one.name);
        if (recursive || text == one.name) {
            plan.root_propagation = one.type;
            plan.recursive_propagation = recursive;
            return {};
        }
    }
    return fail(EINVAL, "linux.rootfsPropagation: unknown value \"" + text + "\"");
}

// A path twice is one path.
Result<std::vector<std::string>> plan_paths(const std::vector<std::string> &paths, const std::string &where) {
    std::vector<std::string> planned;
    planned.reserve(paths.size());
    for (const std::string &path : paths) {
        std::string clean = "/" + clean_path(path);
        if (!path.starts_with('/') || clean.size() >= PATH_MAX) {
            return fail(EINVAL, where + ": \"" + path.substr(0, 256) + "\" is not an absolute path");
        }
        if (std::ranges::find(planned, clean) == planned.end()) {
            planned.push_back(std::move(clean));
        }
    }
    return planned;
}

const oci::Namespace *find_namespace(const oci::Spec &spec, oci::NamespaceType type) {
    auto found = std::ranges::find(spec.linux_.namespaces, type, &oci::Namespace::type);
    return found == spec.linux_.namespaces.end() ? nullptr : &*found;
}

bool has_host_devices(const std::vector<MountStep> &mounts) {
    return std::ranges::any_of(
        mounts, [](const MountStep &one) { return one.kind == MountKind::kBind && one.target == "dev"; });
}

// Before the mounts of the specification the root's are private, or slaves where that is asked for; shared and
// unbindable come at the end.
unsigned long first_propagation(const RootfsPlan &plan) {
    return plan.root_propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
}

Status open_root(RootfsPlan &plan) {
    Fd tree(open_tree(AT_FDCWD, plan.root.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (!tree.is_open()) {
        return errno == EPERM ? Status() : fail_errno("root.path: open " + plan.root.string());
    }
    if (set_attributes(tree.get(),
                       {.attr_set = 0, .attr_clr = 0, .propagation = first_propagation(plan), .userns_fd = 0},
                       AT_RECURSIVE) != 0) {
        return fail_errno("root.path: set the propagation of " + plan.root.string());
    }
    plan.root_tree = std::move(tree);
    return {};
}

Status check_network_sysctls(const RootfsPlan &plan) {
    bool any = std::ranges::any_of(plan.sysctls, [](const auto &one) { return one.first.starts_with("net/"); });
    if (!any || plan.network_namespace.empty()) {
        return {};
    }
    struct stat own{};
    struct stat joined{};
    if (stat("/proc/self/ns/net", &own) != 0 || stat(plan.network_namespace.c_str(), &joined) != 0) {
        return fail_errno("linux.sysctl: look at the network namespace " + plan.network_namespace);
    }
    if (own.st_dev == joined.st_dev && own.st_ino == joined.st_ino) {
        return fail(EINVAL, "linux.sysctl: the network namespace " + plan.network_namespace + " is the host's");
    }
    return {};
}

} // namespace

RootfsPlan::RootfsPlan() = default;
RootfsPlan::RootfsPlan(RootfsPlan &&) noexcept = default;
RootfsPlan &RootfsPlan::operator=(RootfsPlan &&) noexcept = default;
RootfsPlan::~RootfsPlan() = default;

Result<RootfsPlan> plan_rootfs(const oci::Spec &spec, const RootfsSettings &settings) {
    RootfsPlan plan;
    if (spec.root.path.empty()) {
        return fail(EINVAL, "root.path: missing");
    }
    // The last "/" makes anything but a directory an error where it is opened.
    plan.root =
        spec.root.path.starts_with('/') ? spec.root.path + "/" : settings.bundle.string() + "/" + spec.root.path + "/";
    plan.root_read_only = spec.root.read_only;
    plan.pivot = settings.pivot;
    plan.shares_mounts = find_namespace(spec, oci::NamespaceType::kMount) == nullptr;
    if (plan.shares_mounts && settings.new_user_namespace) {
        return fail(EINVAL, "linux.namespaces: a user namespace without a mount namespace may not mount anything");
    }
    plan.mount_label = spec.linux_.mount_label;
    TRY(plan_propagation(plan, spec.linux_.rootfs_propagation));
    plan.mounts = TRY(plan_mounts(spec, {.bundle = settings.bundle.string(),
                                         .new_cgroup_namespace = settings.new_cgroup_namespace,
                                         .root_propagation = plan.root_propagation}));
    // A user namespace's root may not reach them, and what is to be shared with the host has to be cloned from there.
    plan.child_opens_sources = !settings.new_user_namespace && plan.root_propagation != MS_SHARED;
    plan.populate_dev = !has_host_devices(plan.mounts);
    if (plan.populate_dev) {
        plan.devices = TRY(plan_devices(spec, settings.new_user_namespace, settings.terminal));
    }
    plan.masked_paths = TRY(plan_paths(spec.linux_.masked_paths, "linux.maskedPaths"));
    plan.readonly_paths = TRY(plan_paths(spec.linux_.readonly_paths, "linux.readonlyPaths"));
    if (std::ranges::find(plan.masked_paths, "/") != plan.masked_paths.end()) {
        return fail(EINVAL, "linux.maskedPaths: \"/\" would hide the container from itself");
    }
    // A mount over "/" would not be seen by a process whose root is below it.
    plan.root_read_only = std::erase(plan.readonly_paths, "/") > 0 || plan.root_read_only;
    plan.sysctls = TRY(plan_sysctls(spec));
    plan.working_directory = spec.process ? clean_path(spec.process->cwd) : "";
    const oci::Namespace *network = find_namespace(spec, oci::NamespaceType::kNetwork);
    plan.network_namespace = network == nullptr ? "" : network->path;
    return plan;
}

Status prepare_sources(RootfsPlan &plan) {
    TRY(check_network_sysctls(plan));
    TRY(open_root(plan));
    TRY(prepare_mounts(plan.mounts, plan.child_opens_sources ? plan.root.string() : std::string()));
    TRY(prepare_devices(plan.devices));
    if (!plan.masked_paths.empty()) {
        plan.null = open_null();
        if (!plan.null.is_open() && errno != EPERM) {
            return fail_errno("linux.maskedPaths: open /dev/null");
        }
    }
    return {};
}

} // namespace ballast::isolate
