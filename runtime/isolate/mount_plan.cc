// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <sys/mount.h>

#include "runtime/isolate/clean_path.h"
#include "runtime/isolate/mounts.h"

namespace ballast::isolate {
namespace {

constexpr std::size_t kLongestSetting = 255; // fsconfig(2)
constexpr std::uint64_t kAccessTime = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
constexpr std::uint64_t kPlainAttributes =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
constexpr unsigned long kAccessTimeFlags = MS_NOATIME | MS_RELATIME | MS_STRICTATIME | MS_NODIRATIME;
constexpr unsigned long kMountFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | kAccessTimeFlags;

// Files of procfs that a container may have replaced, by lxcfs and the like. Anything else below /proc is a way to
// feign what the runtime and others read there.
constexpr std::array<std::string_view, 10> kReplaceable = {
    "proc/cpuinfo",
    "proc/diskstats",
    "proc/loadavg",
    "proc/meminfo",
    "proc/slabinfo",
    "proc/stat",
    "proc/swaps",
    "proc/sys/crypto/fips_enabled",
    "proc/sys/kernel/ns_last_pid",
    "proc/uptime",
};

struct Context {
    const oci::Spec &spec;
    const MountSettings &settings;
};

const oci::Namespace *find_namespace(const oci::Spec &spec, oci::NamespaceType type) {
    for (const oci::Namespace &one : spec.linux_.namespaces) {
        if (one.type == type) {
            return &one;
        }
    }
    return nullptr;
}

std::string absolute(const std::string &path, const std::string &bundle) {
    return path.starts_with('/') ? path : bundle + "/" + path;
}

// What `mount --bind -o` means: with any option the mount has those and no others. Access times stay unless named.
AttributeChange plain_change(const MountOptions &options) {
    AttributeChange change;
    if (((options.set | options.cleared) & kMountFlags) == 0) {
        return change;
    }
    bool times = (options.set & kAccessTimeFlags) != 0;
    std::uint64_t asked = mount_attributes(options.cleared) & kPlainAttributes;
    if ((options.cleared & MS_NODIRATIME) != 0) {
        asked |= MOUNT_ATTR_NODIRATIME;
    }
    if ((options.cleared & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)) != 0 || times) {
        asked |= MOUNT_ATTR__ATIME;
    }
    change.set = mount_attributes(options.set) & (times ? ~std::uint64_t{0} : kPlainAttributes);
    change.clear = ((kPlainAttributes | (times ? kAccessTime : 0)) & ~change.set) | asked;
    change.clear_locked = asked;
    if (times) {
        change.clear |= MOUNT_ATTR__ATIME; // a field: it is cleared whole before it is set
    }
    return change;
}

void merge(AttributeChange &into, std::uint64_t set, std::uint64_t clear) {
    into.set = (into.set & ~clear) | set;
    into.clear |= clear;
    into.clear_locked |= clear;
}

void add(std::vector<AttributeChange> &changes, const AttributeChange &change) {
    if (!change.empty()) {
        changes.push_back(change);
    }
}

std::vector<PropagationOption> propagation_of_bind(const MountOptions &options, unsigned long root_propagation) {
    if (!options.propagation.empty()) {
        return options.propagation;
    }
    // A clone is a peer of what it was made of. It stays one only where the container's root is shared as well.
    switch (root_propagation) {
    case MS_SHARED:
        return {};
    case 0:
    case MS_SLAVE:
        return {{MS_SLAVE, true}};
    default:
        return {{MS_PRIVATE, true}};
    }
}

// As few mount_setattr(2) calls as the recursion allows: for a single mount mostly one.
std::vector<AttributeChange> changes_of_bind(const MountOptions &options, unsigned long root_propagation,
                                             bool idmapped) {
    AttributeChange top = plain_change(options);
    AttributeChange all{.recursive = true};
    bool tree = options.recursive;
    merge(tree ? all : top, options.recursive_set, options.recursive_clear);
    (tree && options.recursive_idmap ? all : top).idmap = idmapped;
    std::vector<PropagationOption> propagation = propagation_of_bind(options, root_propagation);
    if (!propagation.empty()) {
        (tree && propagation[0].recursive ? all : top).propagation = propagation[0].type;
    }
    std::vector<AttributeChange> changes;
    add(changes, top);
    add(changes, all);
    for (std::size_t i = 1; i < propagation.size(); i++) {
        changes.push_back({.recursive = tree && propagation[i].recursive, .propagation = propagation[i].type});
    }
    return changes;
}

Status plan_idmap(MountStep &step, const oci::Mount &mount, const MountOptions &options, const Context &context,
                  const std::string &where) {
    bool given = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
    if (!given && !options.idmap && !options.recursive_idmap) {
        return {};
    }
    if (step.kind != MountKind::kBind) {
        return fail(EINVAL, where + ": only bind mounts can be id-mapped");
    }
    if (given) {
        if (mount.uid_mappings.empty() || mount.gid_mappings.empty()) {
            return fail(EINVAL, where + ": needs both uidMappings and gidMappings");
        }
        step.uids = mount.uid_mappings;
        step.gids = mount.gid_mappings;
        return {};
    }
    const oci::Namespace *user = find_namespace(context.spec, oci::NamespaceType::kUser);
    if (user == nullptr) {
        return fail(EINVAL, where + ": idmap needs uidMappings and gidMappings, or a user namespace");
    }
    step.user_namespace = user->path;
    if (user->path.empty()) {
        step.uids = context.spec.linux_.uid_mappings;
        step.gids = context.spec.linux_.gid_mappings;
    }
    return step.idmapped() ? Status() : fail(EINVAL, where + ": idmap: the user namespace has no mappings");
}

Status plan_bind(MountStep &step, const oci::Mount &mount, const MountOptions &options, const Context &context,
                 const std::string &where) {
    step.kind = MountKind::kBind;
    if (mount.source.empty()) {
        return fail(EINVAL, where + ".source: missing");
    }
    // Options of a file system mean nothing for a bind: mount(2) passes over them, and engines hand them down.
    step.source = absolute(mount.source, context.settings.bundle);
    step.recursive = options.recursive;
    TRY(plan_idmap(step, mount, options, context, where));
    step.changes = changes_of_bind(options, context.settings.root_propagation, step.idmapped());
    return {};
}

bool has_key(const std::vector<FileSystemOption> &options, std::string_view key) {
    return std::ranges::any_of(options, [key](const FileSystemOption &one) { return one.key == key; });
}

void add_superblock_flags(std::vector<FileSystemOption> &into, const MountOptions &options, bool read_only) {
    struct Flag {
        unsigned long flag;
        const char *set, *cleared;
    };
    static constexpr std::array kFlags = std::to_array<Flag>({
        {MS_SYNCHRONOUS, "sync", "async"},
        {MS_DIRSYNC, "dirsync", nullptr},
        {MS_LAZYTIME, "lazytime", "nolazytime"},
        {MS_MANDLOCK, "mand", "nomand"},
    });
    for (const Flag &one : kFlags) {
        if ((options.set & one.flag) != 0) {
            into.push_back({one.set, "", false});
        } else if ((options.cleared & one.flag) != 0 && one.cleared != nullptr) {
            into.push_back({one.cleared, "", false});
        }
    }
    if (read_only) {
        into.push_back({"ro", "", false});
    }
}

// overlay's list of layers is mostly longer than fsconfig(2) takes; "lowerdir+" and "datadir+" (Linux 6.7) add one
// each.
void add_layers(std::vector<FileSystemOption> &into, const std::string &layers) {
    std::string layer;
    bool data = false;
    for (std::size_t i = 0; i <= layers.size(); i++) {
        if (i == layers.size() || layers[i] == ':') {
            if (!layer.empty()) {
                into.push_back({data ? "datadir+" : "lowerdir+", layer, true});
            }
            data = data || (i + 1 < layers.size() && layers[i + 1] == ':');
            layer.clear();
        } else {
            i += layers[i] == '\\' && i + 1 < layers.size() ? 1 : 0;
            layer += layers[i];
        }
    }
}

void add_data(MountStep &step, const std::vector<FileSystemOption> &data) {
    for (const FileSystemOption &option : data) {
        if (step.type == "overlay" && option.key == "lowerdir" && option.value.size() > kLongestSetting) {
            add_layers(step.settings, option.value);
        } else {
            step.settings.push_back(option);
        }
    }
}

Status check_lengths(const MountStep &step, const std::string &where) {
    for (const FileSystemOption &option : step.settings) {
        if (option.key.size() > kLongestSetting || option.value.size() > kLongestSetting) {
            return fail(EINVAL, where + ": " + option.key.substr(0, 32) + ": longer than the " +
                                    std::to_string(kLongestSetting) + " bytes that the kernel takes");
        }
    }
    return {};
}

bool takes_label(const std::string &type) {
    return type != "proc" && type != "sysfs" && type != "mqueue" && type != "cgroup2";
}

Status plan_file_system(MountStep &step, const oci::Mount &mount, const MountOptions &options, const Context &context,
                        const std::string &where) {
    bool cgroup = mount.type == "cgroup" || mount.type == "cgroup2";
    step.type = cgroup ? "cgroup2" : mount.type;
    if (step.type.empty() || step.type == "none") {
        return fail(EINVAL, where + ".type: missing");
    }
    step.kind = cgroup && !context.settings.new_cgroup_namespace ? MountKind::kOwnCgroup : MountKind::kFileSystem;
    bool tmpfs = step.type == "tmpfs";
    step.attributes = (mount_attributes(options.set) & ~options.recursive_clear) | options.recursive_set;
    if ((step.attributes & MOUNT_ATTR_RDONLY) != 0 && (tmpfs || step.target == "dev")) {
        step.attributes &= ~static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY);
        step.read_only_at_end = true;
    }
    if (!mount.source.empty()) {
        step.settings.push_back({"source", mount.source, true});
    }
    // Of a tmpfs, /dev and a hierarchy that others share, only the mount is read-only.
    add_superblock_flags(step.settings, options, (options.set & MS_RDONLY) != 0 && !step.read_only_at_end && !cgroup);
    const std::string &label = context.spec.linux_.mount_label;
    if (!label.empty() && takes_label(step.type) && !has_key(options.data, "context")) {
        step.settings.push_back({"context", label, true});
    }
    step.label_root = !label.empty() && step.type == "mqueue";
    step.take_mode = tmpfs && !has_key(options.data, "mode");
    step.or_bind = step.type == "sysfs";
    add_data(step, options.data);
    step.copy_up = options.copy_up;
    if (step.copy_up && (!tmpfs || step.target.empty())) {
        return fail(EINVAL, where + ".options: tmpcopyup is for a tmpfs below the root");
    }
    for (const PropagationOption &one : options.propagation) {
        step.changes.push_back({.propagation = one.type});
    }
    TRY(plan_idmap(step, mount, options, context, where));
    return check_lengths(step, where);
}

Status plan_remount(MountStep &step, const MountOptions &options, const std::string &where) {
    step.kind = MountKind::kRemount;
    step.recursive = options.recursive;
    // As mount(8) does it: what the options do not name stays.
    AttributeChange change = plain_change(options);
    change.clear = change.clear_locked;
    add(step.changes, change);
    add(step.changes, {.recursive = true,
                       .set = options.recursive_set,
                       .clear = options.recursive_clear,
                       .clear_locked = options.recursive_clear});
    for (const PropagationOption &one : options.propagation) {
        step.changes.push_back({.recursive = one.recursive, .propagation = one.type});
    }
    if (!options.bind) {
        add_superblock_flags(step.settings, options, (options.set & MS_RDONLY) != 0);
        add_data(step, options.data);
        step.superblock_change = !step.settings.empty();
    }
    return check_lengths(step, where);
}

Status check_place(MountStep &step, const std::string &where) {
    if (step.target.size() + 1 >= PATH_MAX || step.source.size() >= PATH_MAX) {
        return fail(ENAMETOOLONG, where + ": longer than a path may be");
    }
    bool proc = step.kind == MountKind::kFileSystem && step.type == "proc";
    step.plain_target = proc || step.type == "sysfs";
    if (step.target == "proc") {
        if (!proc && step.kind != MountKind::kBind && step.kind != MountKind::kRemount) {
            return fail(EINVAL, where + ": only procfs may be mounted on /proc");
        }
        step.may_cover_proc = true;
        step.wants_proc = step.kind == MountKind::kBind;
        return {};
    }
    if (!step.target.starts_with("proc/")) {
        return {};
    }
    step.may_cover_proc = std::ranges::find(kReplaceable, step.target) != kReplaceable.end();
    return step.may_cover_proc ? Status() : fail(EINVAL, where + ": nothing may be mounted inside /proc there");
}

Result<MountStep> plan_mount(const oci::Mount &mount, const Context &context, const std::string &place) {
    std::string where = place + " (" + mount.destination + ")";
    MountOptions options = parse_mount_options(mount.options);
    MountStep step;
    step.destination = mount.destination;
    step.target = clean_path(mount.destination);
    step.source_nofollow = options.source_nofollow;
    step.target_nofollow = options.target_nofollow;
    if (mount.destination.empty()) {
        return fail(EINVAL, place + ".destination: missing");
    }
    if (options.remount) {
        TRY(plan_remount(step, options, where));
    } else if (options.bind || mount.type == "bind") {
        TRY(plan_bind(step, mount, options, context, where));
    } else {
        TRY(plan_file_system(step, mount, options, context, where));
    }
    TRY(check_place(step, where));
    return step;
}

} // namespace

Result<std::vector<MountStep>> plan_mounts(const oci::Spec &spec, const MountSettings &settings) {
    std::vector<MountStep> steps;
    steps.reserve(spec.mounts.size());
    for (std::size_t i = 0; i < spec.mounts.size(); i++) {
        steps.push_back(TRY(plan_mount(spec.mounts[i], {spec, settings}, "mounts[" + std::to_string(i) + "]")));
    }
    return steps;
}

} // namespace ballast::isolate
