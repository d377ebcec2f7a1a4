// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <climits>
#include <limits>

#include "base/quote.h"
#include "runtime/oci/number_list.h"
#include "runtime/oci/spec_names.h"
#include "runtime/oci/spec_parts.h"

namespace ballast::oci {
namespace {

constexpr std::int64_t kNoLimit = -1;
constexpr std::int64_t kHighestDevice = std::numeric_limits<std::uint32_t>::max();

std::optional<std::int64_t> read_limit(const JsonCursor &from) { return from.optional_number<std::int64_t>(kNoLimit); }

// -1 is how cgroup v1 tools write "any".
std::optional<std::int64_t> read_device_number(const JsonCursor &from) {
    std::optional<std::int64_t> number = from.optional_number<std::int64_t>(-1, kHighestDevice);
    return number == -1 ? std::nullopt : number;
}

DeviceRule read_device_rule(const JsonCursor &from) {
    constexpr std::array<NamedNumber, 3> kTypes = {{{"a", 'a'}, {"c", 'c'}, {"b", 'b'}}};
    DeviceRule rule;
    rule.allow = from.need("allow").boolean();
    if (JsonCursor type = from.at("type"); !type.view().empty()) {
        const NamedNumber *known = type.one_of(kTypes, "a device type");
        rule.type = known == nullptr ? 'a' : static_cast<char>(known->number);
    }
    rule.major = read_device_number(from.at("major"));
    rule.minor = read_device_number(from.at("minor"));
    JsonCursor access = from.at("access");
    rule.access = access.text();
    if (rule.access.find_first_not_of("rwm") != std::string::npos) {
        access.refuse("letters of \"rwm\"");
    }
    if (rule.access.empty()) {
        rule.access = "rwm";
    }
    return rule;
}

MemoryResources read_memory(const JsonCursor &from) {
    constexpr std::uint64_t kSwappiest = 100;
    MemoryResources memory;
    memory.limit = read_limit(from.at("limit"));
    memory.reservation = read_limit(from.at("reservation"));
    memory.swap = read_limit(from.at("swap"));
    memory.kernel = read_limit(from.at("kernel"));
    memory.kernel_tcp = read_limit(from.at("kernelTCP"));
    if (memory.limit > 0 && memory.swap > 0 && *memory.swap < *memory.limit) {
        from.at("swap").refuse("memory and swap together, so at least the limit of memory, " +
                               std::to_string(*memory.limit));
    }
    JsonCursor swappiness = from.at("swappiness");
    memory.swappiness = swappiness.optional_number<std::uint64_t>();
    if (memory.swappiness == std::numeric_limits<std::uint64_t>::max()) {
        memory.swappiness.reset(); // -1 where it was signed: the default
    } else if (memory.swappiness > kSwappiest) {
        swappiness.refuse("a whole number from 0 to " + std::to_string(kSwappiest));
    }
    memory.disable_oom_killer = from.at("disableOOMKiller").boolean();
    memory.use_hierarchy = from.at("useHierarchy").boolean();
    memory.check_before_update = from.at("checkBeforeUpdate").boolean();
    return memory;
}

CpuResources read_cpu(const JsonCursor &from) {
    CpuResources cpu;
    cpu.shares = from.at("shares").optional_number<std::uint64_t>();
    cpu.quota = read_limit(from.at("quota"));
    cpu.burst = from.at("burst").optional_number<std::uint64_t>();
    cpu.period = from.at("period").optional_number<std::uint64_t>();
    cpu.realtime_runtime = read_limit(from.at("realtimeRuntime"));
    cpu.realtime_period = from.at("realtimePeriod").optional_number<std::uint64_t>();
    cpu.cpus = read_number_list(from.at("cpus"), kHighestProcessor);
    cpu.mems = read_number_list(from.at("mems"), kHighestMemoryNode);
    cpu.idle = from.at("idle").optional_number<std::int64_t>(0, 1);
    if (cpu.quota > 0 && cpu.burst && *cpu.burst > static_cast<std::uint64_t>(*cpu.quota)) {
        from.at("burst").refuse("at most the quota, " + std::to_string(*cpu.quota));
    }
    return cpu;
}

BlockDeviceValue read_block_device(const JsonCursor &from) {
    BlockDeviceValue device;
    device.major = from.need("major").number<std::int64_t>(0, kHighestDevice);
    device.minor = from.need("minor").number<std::int64_t>(0, kHighestDevice);
    return device;
}

// 0 is how engines write "not given".
std::optional<std::uint16_t> read_weight(const JsonCursor &from) {
    constexpr std::uint16_t kLightest = 10;
    constexpr std::uint16_t kHeaviest = 1000;
    std::optional<std::uint16_t> weight = from.optional_number<std::uint16_t>(0, kHeaviest);
    if (weight == 0) {
        return std::nullopt;
    }
    if (weight && *weight < kLightest) {
        from.refuse("0 or a whole number from 10 to 1000");
    }
    return weight;
}

void read_throttles(const JsonCursor &from, std::vector<BlockDeviceValue> &throttles) {
    for (JsonCursor item : from.items()) {
        BlockDeviceValue device = read_block_device(item);
        device.value = item.need("rate").number<std::uint64_t>();
        throttles.push_back(device);
    }
}

BlockIoResources read_block_io(const JsonCursor &from) {
    BlockIoResources block_io;
    block_io.weight = read_weight(from.at("weight"));
    block_io.leaf_weight = read_weight(from.at("leafWeight"));
    for (JsonCursor item : from.at("weightDevice").items()) {
        BlockDeviceValue device = read_block_device(item);
        std::optional<std::uint16_t> weight = read_weight(item.at("weight"));
        std::optional<std::uint16_t> leaf_weight = read_weight(item.at("leafWeight"));
        if (weight) {
            device.value = *weight;
            block_io.weight_devices.push_back(device);
        } else if (leaf_weight) {
            item.at("leafWeight").warn("cgroup v2 has none, ignoring");
        } else {
            item.fail("want weight or leafWeight, have neither");
        }
    }
    read_throttles(from.at("throttleReadBpsDevice"), block_io.throttle_read_bps);
    read_throttles(from.at("throttleWriteBpsDevice"), block_io.throttle_write_bps);
    read_throttles(from.at("throttleReadIOPSDevice"), block_io.throttle_read_iops);
    read_throttles(from.at("throttleWriteIOPSDevice"), block_io.throttle_write_iops);
    return block_io;
}

// "2MB": it becomes part of a file's name.
bool is_page_size(std::string_view text) {
    std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    std::string_view unit = text.substr(digits);
    return digits > 0 && digits < 10 && text[0] != '0' && (unit == "KB" || unit == "MB" || unit == "GB");
}

HugepageLimit read_hugepage_limit(const JsonCursor &from) {
    JsonCursor page_size = from.need("pageSize");
    HugepageLimit limit{page_size.text(), from.need("limit").number<std::uint64_t>()};
    if (!is_page_size(limit.page_size)) {
        page_size.refuse("a size as \"64KB\", \"2MB\" or \"1GB\"");
    }
    return limit;
}

void read_rdma(const JsonCursor &from, Resources &resources) {
    for (JsonCursor item : from.members()) {
        // It starts a line of rdma.max, and must not be able to hold a second one.
        if (item.name().empty() ||
            std::ranges::any_of(item.name(), [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
            item.fail("not the name of a device");
        }
        RdmaLimit limit{item.at("hcaHandles").optional_number<std::uint32_t>(),
                        item.at("hcaObjects").optional_number<std::uint32_t>()};
        if (!limit.hca_handles && !limit.hca_objects) {
            item.fail("want hcaHandles or hcaObjects, have neither");
        }
        if (!resources.rdma.emplace(item.name(), limit).second) {
            item.fail("stands here twice");
        }
    }
}

// Only a type check: nothing but cgroup v1 has these.
void check_network(const JsonCursor &from) {
    (void)from.at("classID").number<std::uint32_t>();
    for (JsonCursor item : from.at("priorities").items()) {
        (void)item.need("name").view();
        (void)item.need("priority").number<std::uint32_t>();
    }
}

void read_unified(const JsonCursor &from, Resources &resources) {
    for (JsonCursor item : from.members()) {
        std::string_view name = item.name();
        bool is_file_name = name.size() <= NAME_MAX && std::ranges::all_of(name, [](char c) {
                                return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                       c == '.' || c == '_' || c == '-';
                            });
        if (!is_file_name || name.find('.') == 0 || !name.contains('.') || name.ends_with('.')) {
            item.fail("the specified key has not the form CONTROLLER.VALUE `" + escaped(name) + "`");
        }
        if (!resources.unified.emplace(name, item.text()).second) {
            item.fail("stands here twice");
        }
    }
}

} // namespace

void read_resources(const JsonCursor &from, Resources &resources) {
    JsonCursor::Children rules = from.at("devices").items();
    resources.devices.reserve(rules.size());
    for (JsonCursor item : rules) {
        resources.devices.push_back(read_device_rule(item));
    }
    if (JsonCursor memory = from.at("memory"); memory.given()) {
        resources.memory = read_memory(memory);
    }
    if (JsonCursor cpu = from.at("cpu"); cpu.given()) {
        resources.cpu = read_cpu(cpu);
    }
    resources.pids_limit = from.at("pids").at("limit").optional_number<std::int64_t>();
    if (JsonCursor block_io = from.at("blockIO"); block_io.given()) {
        resources.block_io = read_block_io(block_io);
    }
    for (JsonCursor item : from.at("hugepageLimits").items()) {
        resources.hugepage_limits.push_back(read_hugepage_limit(item));
    }
    if (JsonCursor network = from.at("network"); network.given()) {
        resources.network_given = true;
        check_network(network);
    }
    read_rdma(from.at("rdma"), resources);
    read_unified(from.at("unified"), resources);
}

} // namespace ballast::oci
