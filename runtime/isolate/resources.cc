// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/resources.h"

#include <array>
#include <cmath>
#include <fcntl.h>

#include "base/quote.h"
#include "runtime/isolate/cgroup_tree.h"

namespace ballast::isolate {
namespace {

using Unless = CgroupWrite::Unless;
using Bytes = std::optional<std::int64_t>;

constexpr std::int64_t kNoLimit = -1;
constexpr std::uint64_t kDefaultPeriod = 100000; // the kernel's, in microseconds

class Planner {
  public:
    explicit Planner(const oci::Resources &resources) : resources_(resources) {}

    Result<ResourcePlan> plan() {
        if (resources_.pids_limit.has_value()) {
            // The specification lets 0 mean "no task at all"; engines write it for "unlimited", and no container can
            // start under the other reading.
            const std::int64_t limit = *resources_.pids_limit;
            add(controller::kPids, "pids.max", limit > 0 ? std::to_string(limit) : "max");
        }
        if (resources_.memory.has_value()) {
            TRY(memory(*resources_.memory));
        }
        if (resources_.block_io.has_value()) {
            block_io(*resources_.block_io);
        }
        if (resources_.cpu.has_value()) {
            TRY(cpu(*resources_.cpu));
        }
        TRY(hugepages());
        TRY(rdma());
        if (resources_.network_given) {
            return fail(ENOTSUP, "linux.resources.network: net_cls and net_prio are in cgroup version 1 only");
        }
        TRY(unified());
        return std::move(plan_);
    }

  private:
    CgroupWrite &add(unsigned of, std::string file, std::string value, Unless unless = Unless::kNever) {
        plan_.controllers |= of;
        return plan_.writes.emplace_back(CgroupWrite{
            .file = std::move(file), .value = std::move(value), .unless = unless, .other_file = {}, .other_value = {}});
    }

    static Status check_bytes(const Bytes &bytes, const char *name) {
        if (bytes.has_value() && *bytes < kNoLimit) {
            return fail(EINVAL, "linux.resources.memory." + std::string(name) + ": want -1 (no limit) or more, have " +
                                    std::to_string(*bytes));
        }
        return {};
    }
    static std::string bytes_text(std::int64_t bytes) { return bytes < 0 ? "max" : std::to_string(bytes); }

    // memory+swap of version 1 to swap alone. nullopt: leave.
    static Result<Bytes> swap_alone(const Bytes &both, const Bytes &limit) {
        if (!both.has_value()) {
            // Whoever lifts the limit of memory means all of it, as it was in version 1.
            return limit == kNoLimit ? Bytes(kNoLimit) : Bytes();
        }
        if (*both <= 0 || limit == kNoLimit) {
            return both; // 0: no swap
        }
        if (limit.value_or(0) == 0) {
            return fail(EINVAL, "linux.resources.memory.swap: it is memory and swap together, so it needs "
                                "linux.resources.memory.limit");
        }
        if (*both < *limit) {
            return fail(EINVAL, "linux.resources.memory.swap: " + std::to_string(*both) +
                                    " is memory and swap together, and less than the limit of memory, " +
                                    std::to_string(*limit));
        }
        return Bytes(*both - *limit);
    }

    Status memory(const oci::MemoryResources &memory) {
        TRY(check_bytes(memory.limit, "limit"));
        TRY(check_bytes(memory.reservation, "reservation"));
        TRY(check_bytes(memory.swap, "swap"));
        const Bytes swap = TRY(swap_alone(memory.swap, memory.limit));
        if (swap.has_value()) {
            // A kernel without swap accounting has no such file, and nothing to forbid or to allow.
            const bool nothing = *swap <= 0;
            add(controller::kMemory, "memory.swap.max", bytes_text(*swap), nothing ? Unless::kMissing : Unless::kNever);
        }
        if (memory.limit.value_or(0) != 0) { // 0: not set, as in version 1's tools
            add(controller::kMemory, "memory.max", bytes_text(*memory.limit));
        }
        if (memory.reservation.value_or(0) != 0) {
            add(controller::kMemory, "memory.low", bytes_text(*memory.reservation));
        }
        if (memory.check_before_update) {
            if (memory.limit.value_or(0) > 0) {
                plan_.memory_below = static_cast<std::uint64_t>(*memory.limit);
            }
            if (memory.swap.value_or(0) > 0) {
                plan_.memory_and_swap_below = static_cast<std::uint64_t>(*memory.swap);
            }
        }
        // Memory of the kernel is part of memory.max; the rest has no file of its own in version 2.
        ignore(memory.kernel.has_value(), "memory.kernel");
        ignore(memory.kernel_tcp.has_value(), "memory.kernelTCP");
        ignore(memory.swappiness.has_value(), "memory.swappiness");
        ignore(memory.disable_oom_killer, "memory.disableOOMKiller");
        return {};
    }

    void ignore(bool given, const char *name) {
        if (given) {
            plan_.ignored.push_back(std::string("linux.resources.") + name);
        }
    }

    Status cpu(const oci::CpuResources &cpu) {
        if (cpu.realtime_runtime.value_or(0) != 0 || cpu.realtime_period.value_or(0) != 0) {
            return fail(ENOTSUP, "linux.resources.cpu: realtimeRuntime and realtimePeriod are in cgroup version 1 "
                                 "only");
        }
        // A cgroup that is idle takes no weight, so the weight comes on the other side of the change.
        const bool becomes_idle = cpu.idle.value_or(0) != 0;
        if (cpu.idle.has_value() && !becomes_idle) {
            add(controller::kCpu, "cpu.idle", std::to_string(*cpu.idle));
        }
        if (const std::uint64_t weight = cpu_weight(cpu.shares.value_or(0)); weight != 0) {
            add(controller::kCpu, "cpu.weight", std::to_string(weight));
        }
        if (becomes_idle) {
            add(controller::kCpu, "cpu.idle", std::to_string(*cpu.idle));
        }
        // A burst may not be more than the quota: going down it has to come before it, going up after it.
        if (cpu.burst.has_value()) {
            add(controller::kCpu, "cpu.max.burst", std::to_string(*cpu.burst), Unless::kTooEarly);
        }
        bandwidth(cpu.quota.value_or(0), cpu.period.value_or(0));
        if (!cpu.cpus.empty()) {
            add(controller::kCpuset, "cpuset.cpus", cpu.cpus);
        }
        if (!cpu.mems.empty()) {
            add(controller::kCpuset, "cpuset.mems", cpu.mems);
        }
        return {};
    }

    void bandwidth(std::int64_t quota, std::uint64_t period) { // 0: not given
        if (quota == 0 && period == 0) {
            return;
        }
        if (quota == 0) { // an update of the period alone must not lift the quota
            add(controller::kCpu, "cpu.max", std::to_string(period)).keep_first = true;
            return;
        }
        add(controller::kCpu, "cpu.max",
            bytes_text(quota) + " " + std::to_string(period == 0 ? kDefaultPeriod : period));
    }

    void block_io(const oci::BlockIoResources &io) {
        ignore(io.leaf_weight.value_or(0) != 0, "blockIO.leafWeight");
        // The files are there by scheduler (BFQ) or by cost model: io.weight counts from 1 to 10000.
        if (io.weight.value_or(0) != 0) {
            weight("", *io.weight);
        }
        for (const oci::BlockDeviceValue &device : io.weight_devices) {
            if (device.value != 0) {
                weight(number_of(device) + " ", device.value);
            }
        }
        throttle(io);
    }

    void weight(const std::string &device, std::uint64_t value) {
        CgroupWrite &write = add(controller::kIo, "io.bfq.weight", device + std::to_string(value));
        write.other_file = "io.weight";
        write.other_value = device + std::to_string(io_weight(value));
    }

    static std::string number_of(const oci::BlockDeviceValue &device) {
        return std::to_string(device.major) + ":" + std::to_string(device.minor);
    }

    // One line a device: the kernel takes one device a write, with any of its four limits.
    void throttle(const oci::BlockIoResources &io) {
        struct Kind {
            const std::vector<oci::BlockDeviceValue> &values;
            const char *key;
        };
        const std::array<Kind, 4> kinds = {{{io.throttle_read_bps, " rbps="},
                                            {io.throttle_write_bps, " wbps="},
                                            {io.throttle_read_iops, " riops="},
                                            {io.throttle_write_iops, " wiops="}}};
        const std::size_t first = plan_.writes.size();
        for (const Kind &kind : kinds) {
            for (const oci::BlockDeviceValue &device : kind.values) {
                // 0 lifts the limit in version 1; here it would be out of range.
                std::string limit = kind.key + (device.value == 0 ? "max" : std::to_string(device.value));
                std::string number = number_of(device);
                std::size_t place = first;
                while (place < plan_.writes.size() && !plan_.writes[place].value.starts_with(number + " ")) {
                    place++;
                }
                if (place < plan_.writes.size()) {
                    plan_.writes[place].value += limit;
                } else {
                    add(controller::kIo, "io.max", number + limit);
                }
            }
        }
    }

    Status hugepages() {
        for (const oci::HugepageLimit &limit : resources_.hugepage_limits) {
            if (limit.page_size.empty() || limit.page_size.find_first_of("/.\n") != std::string::npos) {
                return fail(EINVAL, "linux.resources.hugepageLimits: no page size: " + quote(limit.page_size));
            }
            const std::string name = "hugetlb." + limit.page_size;
            add(controller::kHugetlb, name + ".max", std::to_string(limit.limit));
            // Reservations are limited, too: a fault beyond .max is a SIGBUS, a failed mmap(2) is an error to handle.
            add(controller::kHugetlb, name + ".rsvd.max", std::to_string(limit.limit), Unless::kMissing);
        }
        return {};
    }

    Status rdma() {
        for (const auto &[device, limit] : resources_.rdma) {
            if (device.empty() || device.find_first_of(" \n\t") != std::string::npos) {
                return fail(EINVAL, "linux.resources.rdma: no name of a device: " + quote(device));
            }
            std::string value = device;
            if (limit.hca_handles.has_value()) {
                value += " hca_handle=" + std::to_string(*limit.hca_handles);
            }
            if (limit.hca_objects.has_value()) {
                value += " hca_object=" + std::to_string(*limit.hca_objects);
            }
            if (value != device) {
                add(controller::kRdma, "rdma.max", std::move(value));
            }
        }
        return {};
    }

    static Status check_key(const std::string &key) {
        const std::string where = "linux.resources.unified: " + quote(key) + ": ";
        if (key.contains('/')) {
            return fail(EINVAL, where + "want the name of a file, without a slash");
        }
        if (const std::size_t dot = key.find('.'); dot == 0 || dot == std::string::npos) {
            return fail(EINVAL, where + "the specified key has not the form CONTROLLER.VALUE `" + escaped(key) + "`");
        }
        // These do not limit: they move, kill or stop processes, of the host, too.
        for (const char *refused : {"cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze",
                                    "cgroup.subtree_control", "cgroup.type"}) {
            if (key == refused) {
                return fail(EPERM, where + "it is not a resource");
            }
        }
        return {};
    }

    Status unified() {
        for (const auto &[key, value] : resources_.unified) {
            TRY(check_key(key));
            plan_.controllers |= controller::parse(key.substr(0, key.find('.')));
            std::string_view rest = value;
            while (!rest.empty()) { // the kernel takes a line a write
                const std::size_t end = std::min(rest.find('\n'), rest.size());
                if (end != 0) {
                    add(0, key, std::string(rest.substr(0, end)));
                }
                rest.remove_prefix(std::min(end + 1, rest.size()));
            }
        }
        return {};
    }

    const oci::Resources &resources_;
    ResourcePlan plan_;
};

// A file that is missing, or may not be made, mostly has a controller that is not there.
Status explained(const CgroupDir &directory, const CgroupWrite &write, Status failed) {
    const int code = failed.error().code;
    const std::string of = write.file.substr(0, write.file.find('.'));
    if ((code != ENOENT && code != EACCES && code != EPERM) || of == "cgroup") {
        return failed;
    }
    Result<std::string> available = directory.read("cgroup.controllers");
    if (!available.has_value()) {
        return failed; // the first error says more
    }
    for (std::string_view rest = *available; !rest.empty();) {
        const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
        if (rest.substr(0, end) == of) {
            return failed;
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return fail(ENOENT, "cgroup " + directory.path() + ": " + write.file + ": \"" + write.value + "\": controller `" +
                            of + "` is not available under " + directory.path());
}

Result<std::string> with_first_word(const CgroupDir &directory, const CgroupWrite &write) {
    std::string now = TRY(directory.read(write.file));
    return now.substr(0, now.find_first_of(" \n")) + " " + write.value;
}

Status write_one(const CgroupDir &directory, const CgroupWrite &write) {
    Status written =
        directory.write(write.file, write.keep_first ? TRY(with_first_word(directory, write)) : write.value);
    if (!written.has_value() && written.error().code == ENOENT && !write.other_file.empty()) {
        written = directory.write(write.other_file, write.other_value);
    }
    return written;
}

Status check_memory(const CgroupDir &directory, const ResourcePlan &plan) {
    if (!plan.memory_below.has_value() && !plan.memory_and_swap_below.has_value()) {
        return {};
    }
    Result<std::string> current = directory.read("memory.current");
    std::optional<std::uint64_t> used = current.has_value() ? whole_number(*current) : std::nullopt;
    if (!used.has_value()) {
        return {}; // not there: the limit fails on its own
    }
    if (plan.memory_below.has_value() && *plan.memory_below <= *used) {
        return fail(EBUSY, "cgroup " + directory.path() + ": memory.max: \"" + std::to_string(*plan.memory_below) +
                               "\": " + std::to_string(*used) + " bytes are in use");
    }
    if (Result<std::string> swap = directory.read("memory.swap.current"); swap.has_value()) {
        *used += whole_number(*swap).value_or(0);
    }
    if (plan.memory_and_swap_below.has_value() && *plan.memory_and_swap_below <= *used) {
        return fail(EBUSY, "cgroup " + directory.path() + ": memory and swap of " +
                               std::to_string(*plan.memory_and_swap_below) + " bytes: " + std::to_string(*used) +
                               " are in use");
    }
    return {};
}

} // namespace

std::uint64_t cpu_weight(std::uint64_t shares) {
    constexpr std::uint64_t kLeastShares = 2, kMostShares = 262144, kMostWeight = 10000;
    if (shares == 0) {
        return 0;
    }
    if (shares <= kLeastShares) {
        return 1;
    }
    if (shares >= kMostShares) {
        return kMostWeight;
    }
    const double l = std::log2(static_cast<double>(shares));
    return static_cast<std::uint64_t>(std::ceil(std::pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0)));
}

std::uint64_t io_weight(std::uint64_t weight) {
    constexpr std::uint64_t kLeast = 10, kSpan = 990, kSpanThere = 9999;
    return weight <= kLeast ? 1 : 1 + (weight - kLeast) * kSpanThere / kSpan;
}

Result<ResourcePlan> plan_resources(const oci::Resources &resources) { return Planner(resources).plan(); }

Status apply_resources(const CgroupDir &directory, const ResourcePlan &plan) {
    TRY(check_memory(directory, plan));
    std::vector<const CgroupWrite *> again;
    for (const CgroupWrite &write : plan.writes) {
        Status written = write_one(directory, write);
        if (written.has_value()) {
            continue;
        }
        const int code = written.error().code;
        if (write.unless == Unless::kTooEarly && code == EINVAL) {
            again.push_back(&write);
        } else if (write.unless != Unless::kMissing || code != ENOENT) {
            return explained(directory, write, std::move(written));
        }
    }
    for (const CgroupWrite *write : again) {
        TRY(write_one(directory, *write));
    }
    return {};
}

} // namespace ballast::isolate
