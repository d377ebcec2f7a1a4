// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <climits>
#include <linux/mempolicy.h>
#include <net/if.h>
#include <sys/stat.h>

#include "runtime/oci/number_list.h"
#include "runtime/oci/spec_names.h"
#include "runtime/oci/spec_parts.h"

namespace ballast::oci {
namespace {

// user_namespaces(7): lines of a uid_map.
constexpr std::size_t kMostIdMappings = 340;
// makedev(3), as the kernel's own dev_t has them.
constexpr std::int64_t kHighestMajor = (1 << 12) - 1;
constexpr std::int64_t kHighestMinor = (1 << 20) - 1;

bool overlap(std::uint32_t first, std::uint32_t size, std::uint32_t other, std::uint32_t other_size) {
    return first < std::uint64_t{other} + other_size && other < std::uint64_t{first} + size;
}

void read_namespaces(const JsonCursor &from, Linux &linux_part) {
    for (JsonCursor item : from.items()) {
        JsonCursor type = item.need("type");
        const NamedNumber *known = type.one_of(namespace_names(), "a namespace");
        if (known == nullptr) {
            continue;
        }
        Namespace entry;
        entry.type = static_cast<NamespaceType>(known->number);
        if (has_namespace(linux_part, entry.type)) {
            type.refuse("every namespace once");
        }
        if (JsonCursor path = item.at("path"); !path.view().empty()) { // empty is what some engines write for "new"
            entry.path = path.absolute_path();
        }
        linux_part.namespaces.push_back(std::move(entry));
    }
}

bool joins_namespace(const Linux &linux_part, NamespaceType type) {
    return std::ranges::any_of(linux_part.namespaces,
                               [&](const Namespace &entry) { return entry.type == type && !entry.path.empty(); });
}

std::optional<TimeOffset> read_time_offset(const JsonCursor &from) {
    constexpr std::uint32_t kMostNanoseconds = 999'999'999;
    if (!from.given()) {
        return std::nullopt;
    }
    return TimeOffset{from.at("secs").number<std::int64_t>(),
                      from.at("nanosecs").number<std::uint32_t>(0, kMostNanoseconds)};
}

void read_time_offsets(const JsonCursor &from, Linux &linux_part) {
    bool any = false;
    for (JsonCursor clock : from.members()) {
        any = true;
        if (clock.name() != "monotonic" && clock.name() != "boottime") {
            clock.fail("not a clock that has an offset: monotonic and boottime have");
        }
    }
    if (any && !has_namespace(linux_part, NamespaceType::kTime)) {
        from.fail("needs a time namespace of the container's");
    }
    if (any && joins_namespace(linux_part, NamespaceType::kTime)) {
        from.fail("the time namespace that is joined has offsets already");
    }
    linux_part.monotonic_offset = read_time_offset(from.at("monotonic"));
    linux_part.boottime_offset = read_time_offset(from.at("boottime"));
}

Device read_device(const JsonCursor &from) {
    constexpr std::uint32_t kHighestMode = 0177777;
    constexpr std::array<NamedNumber, 4> kTypes = {{{"c", 'c'}, {"b", 'b'}, {"u", 'u'}, {"p", 'p'}}};
    Device device;
    device.path = from.need("path").absolute_path();
    if (const NamedNumber *type = from.need("type").one_of(kTypes, "a device type"); type != nullptr) {
        device.type = static_cast<char>(type->number);
    }
    if (device.type != 'p') {
        device.major = from.need("major").number<std::int64_t>(0, kHighestMajor);
        device.minor = from.need("minor").number<std::int64_t>(0, kHighestMinor);
    }
    device.file_mode = from.at("fileMode").optional_number<std::uint32_t>(0, kHighestMode);
    if (device.file_mode) {
        *device.file_mode &= ~static_cast<std::uint32_t>(S_IFMT); // engines put in what stat(2) says
    }
    device.uid = from.at("uid").optional_number<std::uint32_t>(0, kHighestId);
    device.gid = from.at("gid").optional_number<std::uint32_t>(0, kHighestId);
    return device;
}

// dev_valid_name() of the kernel.
bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
           name.find_first_of("/: \t\n\v\f\r") == std::string_view::npos;
}

void read_net_devices(const JsonCursor &from, Linux &linux_part) {
    std::vector<std::string> taken;
    for (JsonCursor item : from.members()) {
        std::string name(item.name());
        if (!is_interface_name(name)) {
            item.fail("not the name of a network device");
        }
        if (!has_namespace(linux_part, NamespaceType::kNetwork)) {
            item.fail("needs a network namespace of the container's");
        }
        JsonCursor new_name = item.at("name");
        std::string inside = new_name.view().empty() ? name : new_name.text();
        std::size_t percent = inside.find('%');
        bool is_template = percent != std::string::npos; // the kernel puts a number in the place of %d
        if (!is_interface_name(inside) ||
            (is_template && (inside.compare(percent, 2, "%d") != 0 || inside.find('%', percent + 1) != inside.npos))) {
            new_name.refuse("the name of a network device");
        }
        if (!is_template && std::ranges::contains(taken, inside)) {
            (new_name.given() ? new_name : item).fail("another device has this name in the container");
        }
        taken.push_back(inside);
        if (!linux_part.net_devices.emplace(std::move(name), std::move(inside)).second) {
            item.fail("stands here twice");
        }
    }
}

IntelRdt read_intel_rdt(const JsonCursor &from) {
    auto one_line = [](const JsonCursor &line, std::string_view start) {
        std::string_view text = line.view();
        if (text.contains('\n') || (!text.empty() && !text.starts_with(start))) {
            line.refuse(start.empty() ? "one line" : "one line that starts with " + std::string(start));
        }
        return std::string(text);
    };
    IntelRdt rdt;
    JsonCursor clos_id = from.at("closID");
    rdt.clos_id = clos_id.text();
    if (rdt.clos_id != "/" && (rdt.clos_id == "." || rdt.clos_id == ".." || rdt.clos_id.contains('/') ||
                               rdt.clos_id.contains('\n') || rdt.clos_id.size() > NAME_MAX)) {
        clos_id.refuse("the name of a directory of resctrl, or \"/\"");
    }
    for (JsonCursor line : from.at("schemata").items()) {
        rdt.schemata.push_back(one_line(line, ""));
    }
    rdt.l3_cache_schema = one_line(from.at("l3CacheSchema"), "");
    rdt.memory_bandwidth_schema = one_line(from.at("memBwSchema"), "MB:");
    rdt.enable_monitoring = from.at("enableMonitoring").boolean();
    return rdt;
}

// set_mempolicy(2)
MemoryPolicy read_memory_policy(const JsonCursor &from) {
    MemoryPolicy policy;
    const NamedNumber *mode = from.need("mode").one_of(memory_policy_modes(), "a memory policy");
    if (mode == nullptr) {
        return policy;
    }
    policy.mode = static_cast<std::uint32_t>(mode->number);
    JsonCursor nodes = from.at("nodes");
    policy.nodes = read_number_list(nodes, kHighestMemoryNode);
    bool without_nodes = policy.mode == MPOL_DEFAULT || policy.mode == MPOL_LOCAL;
    if (without_nodes && !policy.nodes.empty()) {
        nodes.refuse("no nodes with " + std::string(mode->name));
    } else if (!without_nodes && policy.mode != MPOL_PREFERRED && policy.nodes.empty()) {
        nodes.fail("missing, and " + std::string(mode->name) + " needs nodes");
    }
    JsonCursor flags = from.at("flags");
    for (JsonCursor item : flags.items()) {
        const NamedNumber *flag = item.one_of(memory_policy_flags(), "a flag of a memory policy");
        policy.flags |= flag == nullptr ? 0 : static_cast<std::uint32_t>(flag->number);
    }
    constexpr std::uint32_t kNodeFlags = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
    if ((policy.flags & kNodeFlags) == kNodeFlags) {
        flags.fail("want one of MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES, have both");
    }
    if ((policy.flags & kNodeFlags) != 0 && policy.nodes.empty()) {
        flags.fail("MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES need nodes");
    }
    if ((policy.flags & MPOL_F_NUMA_BALANCING) != 0 && policy.mode != MPOL_BIND && policy.mode != MPOL_PREFERRED_MANY) {
        flags.fail("MPOL_F_NUMA_BALANCING goes with MPOL_BIND and MPOL_PREFERRED_MANY only");
    }
    return policy;
}

std::optional<Personality> read_personality(const JsonCursor &from) {
    if (!from.given()) {
        return std::nullopt;
    }
    Personality personality;
    const NamedNumber *domain = from.need("domain").one_of(personality_domains(), "an execution domain");
    personality.domain = domain == nullptr ? 0 : domain->number;
    if (JsonCursor flags = from.at("flags"); flags.items().size() > 0) {
        flags.warn("the specification knows none, ignoring"); // as other runtimes do
    }
    return personality;
}

std::vector<std::string> read_paths(const JsonCursor &from, const Linux &linux_part) {
    std::vector<std::string> paths;
    for (JsonCursor item : from.items(kMostPlanned)) {
        if (!has_namespace(linux_part, NamespaceType::kMount)) {
            from.fail("needs a mount namespace of the container's");
        }
        paths.push_back(item.absolute_path());
    }
    return paths;
}

std::string read_cgroups_path(const JsonCursor &from) {
    std::string path = from.text();
    std::string_view rest = path;
    for (bool more = true; more;) {
        std::size_t slash = rest.find('/');
        if (rest.substr(0, slash) == "..") {
            from.refuse("a path without \"..\"");
        }
        more = slash != std::string_view::npos;
        rest.remove_prefix(more ? slash + 1 : rest.size());
    }
    return path;
}

} // namespace

bool has_namespace(const Linux &linux_part, NamespaceType type) {
    return std::ranges::contains(linux_part.namespaces, type, &Namespace::type);
}

std::vector<IdMapping> read_id_mappings(const JsonCursor &from) {
    std::vector<IdMapping> mappings;
    for (JsonCursor item : from.items(kMostIdMappings)) {
        IdMapping mapping;
        mapping.container_id = item.need("containerID").number<std::uint32_t>(0, kHighestId);
        mapping.host_id = item.need("hostID").number<std::uint32_t>(0, kHighestId);
        // 4294967295 is no id, so that the last one a mapping can hold is the one below.
        std::uint32_t most = kHighestId - std::max(mapping.container_id, mapping.host_id) + 1;
        mapping.size = item.need("size").number<std::uint32_t>(1, most, 1);
        for (const IdMapping &other : mappings) {
            if (overlap(mapping.container_id, mapping.size, other.container_id, other.size) ||
                overlap(mapping.host_id, mapping.size, other.host_id, other.size)) {
                item.fail("overlaps with a mapping before it");
            }
        }
        mappings.push_back(mapping);
    }
    return mappings;
}

void read_linux(const JsonCursor &from, Linux &linux_part) {
    read_namespaces(from.at("namespaces"), linux_part);
    linux_part.uid_mappings = read_id_mappings(from.at("uidMappings"));
    linux_part.gid_mappings = read_id_mappings(from.at("gidMappings"));
    for (const char *name : {"uidMappings", "gidMappings"}) {
        if (from.at(name).items().size() > 0 && !has_namespace(linux_part, NamespaceType::kUser)) {
            from.at(name).fail("needs a user namespace of the container's");
        }
    }
    if (linux_part.uid_mappings.empty() != linux_part.gid_mappings.empty()) {
        from.at(linux_part.uid_mappings.empty() ? "uidMappings" : "gidMappings")
            .fail("want mappings of users and of groups, or neither");
    }
    read_time_offsets(from.at("timeOffsets"), linux_part);
    for (JsonCursor item : from.at("devices").items(kMostPlanned)) {
        linux_part.devices.push_back(read_device(item));
    }
    read_net_devices(from.at("netDevices"), linux_part);
    linux_part.cgroups_path = read_cgroups_path(from.at("cgroupsPath"));
    read_resources(from.at("resources"), linux_part.resources);
    if (JsonCursor propagation = from.at("rootfsPropagation"); !propagation.view().empty()) {
        const NamedNumber *known = propagation.one_of(propagation_names(), "a propagation");
        linux_part.rootfs_propagation = known == nullptr ? "" : known->name;
    }
    linux_part.masked_paths = read_paths(from.at("maskedPaths"), linux_part);
    linux_part.readonly_paths = read_paths(from.at("readonlyPaths"), linux_part);
    linux_part.mount_label = from.at("mountLabel").text();
    linux_part.personality = read_personality(from.at("personality"));
    if (JsonCursor rdt = from.at("intelRdt"); rdt.given()) {
        linux_part.intel_rdt = read_intel_rdt(rdt);
    }
    if (JsonCursor policy = from.at("memoryPolicy"); policy.given()) {
        linux_part.memory_policy = read_memory_policy(policy);
    }
    if (JsonCursor seccomp = from.at("seccomp"); seccomp.given()) {
        read_seccomp(seccomp, linux_part.seccomp.emplace());
    }
}

} // namespace ballast::oci
