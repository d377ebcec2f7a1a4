// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/mount_options.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <sys/mount.h>
#include <utility>

namespace ballast::isolate {
namespace {

enum class Kind {
    kNothing, // the default, or about the kernel's log only, or what file systems decide themselves by now (iversion)
    kSet,     // MS_*
    kClear,
    kPropagation,
    kRecursiveSet, // MOUNT_ATTR_*, of the mount and all below it
    kRecursiveClear,
    kMember, // of MountOptions
};

struct Row {
    std::string_view name;
    Kind kind;
    std::uint64_t flags = 0;
    bool MountOptions::*member = nullptr;
};

using enum Kind;

// Sorted by name. "acl" has no row: there is no MS_POSIXACL for mount(2), and file systems that want it take it as
// data.
constexpr std::array kTable = std::to_array<Row>({
    {"async", kClear, MS_SYNCHRONOUS},
    {"atime", kClear, MS_NOATIME},
    {"bind", kMember, MS_BIND, &MountOptions::bind},
    {"defaults", kNothing},
    {"dest-nofollow", kMember, 0, &MountOptions::target_nofollow},
    {"dev", kClear, MS_NODEV},
    {"diratime", kClear, MS_NODIRATIME},
    {"dirsync", kSet, MS_DIRSYNC},
    {"exec", kClear, MS_NOEXEC},
    {"idmap", kMember, 0, &MountOptions::idmap},
    {"iversion", kNothing},
    {"lazytime", kSet, MS_LAZYTIME},
    {"loud", kNothing},
    {"mand", kSet, MS_MANDLOCK},
    {"noatime", kSet, MS_NOATIME},
    {"nodev", kSet, MS_NODEV},
    {"nodiratime", kSet, MS_NODIRATIME},
    {"noexec", kSet, MS_NOEXEC},
    {"noiversion", kNothing},
    {"nolazytime", kClear, MS_LAZYTIME},
    {"nomand", kClear, MS_MANDLOCK},
    {"norelatime", kClear, MS_RELATIME},
    {"nostrictatime", kClear, MS_STRICTATIME},
    {"nosuid", kSet, MS_NOSUID},
    {"nosymfollow", kSet, MS_NOSYMFOLLOW},
    {"private", kPropagation, MS_PRIVATE},
    {"ratime", kRecursiveClear, MOUNT_ATTR_NOATIME},
    {"rbind", kMember, MS_BIND, &MountOptions::recursive},
    {"rdev", kRecursiveClear, MOUNT_ATTR_NODEV},
    {"rdiratime", kRecursiveClear, MOUNT_ATTR_NODIRATIME},
    {"relatime", kSet, MS_RELATIME},
    {"remount", kMember, 0, &MountOptions::remount},
    {"rexec", kRecursiveClear, MOUNT_ATTR_NOEXEC},
    {"ridmap", kMember, 0, &MountOptions::recursive_idmap},
    {"rnoatime", kRecursiveSet, MOUNT_ATTR_NOATIME},
    {"rnodev", kRecursiveSet, MOUNT_ATTR_NODEV},
    {"rnodiratime", kRecursiveSet, MOUNT_ATTR_NODIRATIME},
    {"rnoexec", kRecursiveSet, MOUNT_ATTR_NOEXEC},
    {"rnorelatime", kRecursiveClear, MOUNT_ATTR_RELATIME},
    {"rnostrictatime", kRecursiveClear, MOUNT_ATTR_STRICTATIME},
    {"rnosuid", kRecursiveSet, MOUNT_ATTR_NOSUID},
    {"rnosymfollow", kRecursiveSet, MOUNT_ATTR_NOSYMFOLLOW},
    {"ro", kSet, MS_RDONLY},
    {"rprivate", kPropagation, MS_PRIVATE | MS_REC},
    {"rrelatime", kRecursiveSet, MOUNT_ATTR_RELATIME},
    {"rro", kRecursiveSet, MOUNT_ATTR_RDONLY},
    {"rrw", kRecursiveClear, MOUNT_ATTR_RDONLY},
    {"rshared", kPropagation, MS_SHARED | MS_REC},
    {"rslave", kPropagation, MS_SLAVE | MS_REC},
    {"rstrictatime", kRecursiveSet, MOUNT_ATTR_STRICTATIME},
    {"rsuid", kRecursiveClear, MOUNT_ATTR_NOSUID},
    {"rsymfollow", kRecursiveClear, MOUNT_ATTR_NOSYMFOLLOW},
    {"runbindable", kPropagation, MS_UNBINDABLE | MS_REC},
    {"rw", kClear, MS_RDONLY},
    {"shared", kPropagation, MS_SHARED},
    {"silent", kNothing},
    {"slave", kPropagation, MS_SLAVE},
    {"src-nofollow", kMember, 0, &MountOptions::source_nofollow},
    {"strictatime", kSet, MS_STRICTATIME},
    {"suid", kClear, MS_NOSUID},
    {"symfollow", kClear, MS_NOSYMFOLLOW},
    {"sync", kSet, MS_SYNCHRONOUS},
    {"tmpcopyup", kMember, 0, &MountOptions::copy_up},
    {"unbindable", kPropagation, MS_UNBINDABLE},
});
static_assert(std::ranges::is_sorted(kTable, {}, &Row::name));

const Row *find_row(std::string_view name) {
    const auto *row = std::ranges::lower_bound(kTable, name, {}, &Row::name);
    return row != kTable.end() && row->name == name ? row : nullptr;
}

// Access times are one of three values in a field of their own, which is cleared whole before it is set.
bool is_access_time(std::uint64_t attribute) {
    return (attribute & ~static_cast<std::uint64_t>(MOUNT_ATTR__ATIME)) == 0;
}

void set_recursive(MountOptions &into, std::uint64_t attribute) {
    if (is_access_time(attribute)) {
        into.recursive_set &= ~static_cast<std::uint64_t>(MOUNT_ATTR__ATIME);
        into.recursive_clear |= MOUNT_ATTR__ATIME;
    } else {
        into.recursive_clear &= ~attribute;
    }
    into.recursive_set |= attribute;
}

void clear_recursive(MountOptions &into, std::uint64_t attribute) {
    into.recursive_set &= ~attribute;
    into.recursive_clear |= is_access_time(attribute) ? static_cast<std::uint64_t>(MOUNT_ATTR__ATIME) : attribute;
}

void apply_row(MountOptions &into, const Row &row) {
    switch (row.kind) {
    case kNothing:
        break;
    case kSet:
        into.set |= row.flags;
        into.cleared &= ~row.flags;
        break;
    case kClear:
        into.set &= ~row.flags;
        into.cleared |= row.flags;
        break;
    case kPropagation:
        into.propagation.push_back({row.flags & ~MS_REC, (row.flags & MS_REC) != 0});
        break;
    case kRecursiveSet:
        set_recursive(into, row.flags);
        break;
    case kRecursiveClear:
        clear_recursive(into, row.flags);
        break;
    case kMember:
        into.*row.member = true;
        into.bind = into.bind || row.flags == MS_BIND;
        break;
    }
}

FileSystemOption file_system_option(const std::string &option) {
    std::size_t equals = option.find('=');
    if (equals == std::string::npos) {
        return {option, "", false};
    }
    std::string value = option.substr(equals + 1);
    // Quotes are for the one string of mount(2): context="…:c1,c2". fsconfig(2) takes the value itself.
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    return {option.substr(0, equals), value, true};
}

// mount(2) gets all of them in one string with commas, so one option may hold several; not within quotes or behind "\".
void add_data(MountOptions &into, const std::string &option) {
    std::size_t start = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= option.size(); i++) {
        if (i == option.size() || (option[i] == ',' && !quoted)) {
            if (i > start) {
                into.data.push_back(file_system_option(option.substr(start, i - start)));
            }
            start = i + 1;
        } else if (option[i] == '"') {
            quoted = !quoted;
        } else if (option[i] == '\\') {
            i++;
        }
    }
}

} // namespace

MountOptions parse_mount_options(const std::vector<std::string> &options) {
    MountOptions parsed;
    for (const std::string &option : options) {
        if (const Row *row = find_row(option); row != nullptr) {
            apply_row(parsed, *row);
        } else {
            add_data(parsed, option);
        }
    }
    // The same type twice in a row is one change, and engines do give it twice.
    auto same = std::ranges::unique(parsed.propagation);
    parsed.propagation.erase(same.begin(), same.end());
    return parsed;
}

std::uint64_t mount_attributes(unsigned long flags) {
    static constexpr std::array kSame = std::to_array<std::pair<unsigned long, std::uint64_t>>({
        {MS_RDONLY, MOUNT_ATTR_RDONLY},
        {MS_NOSUID, MOUNT_ATTR_NOSUID},
        {MS_NODEV, MOUNT_ATTR_NODEV},
        {MS_NOEXEC, MOUNT_ATTR_NOEXEC},
        {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
        {MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
    });
    std::uint64_t attributes = MOUNT_ATTR_RELATIME;
    if ((flags & MS_STRICTATIME) != 0) {
        attributes = MOUNT_ATTR_STRICTATIME;
    } else if ((flags & MS_NOATIME) != 0) {
        attributes = MOUNT_ATTR_NOATIME;
    }
    for (const auto &[flag, attribute] : kSame) {
        attributes |= (flags & flag) != 0 ? attribute : 0;
    }
    return attributes;
}

std::vector<std::string> known_mount_options() {
    std::vector<std::string> names;
    names.reserve(kTable.size());
    for (const Row &row : kTable) {
        names.emplace_back(row.name);
    }
    return names;
}

} // namespace ballast::isolate
