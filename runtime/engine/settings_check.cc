// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/settings_check.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <csignal>
#include <cstring>

#include "base/quote.h"
#include "runtime/engine/container_files.h"

namespace ballast::engine {
namespace {

constexpr std::int64_t kLeastMemory = 6LL << 20;
constexpr std::size_t kLongestHostname = 63;
constexpr Nanoseconds kLeastInterval = std::chrono::milliseconds(1);

std::unexpected<Error> invalid(const std::string &message) { return fail(EINVAL, message); }

Status check_memory(const Resources &resources) {
    if (resources.memory < 0 || (resources.memory > 0 && resources.memory < kLeastMemory)) {
        return invalid("Minimum memory limit allowed is 6MB");
    }
    if (resources.memory > 0 && resources.memory_swap > 0 && resources.memory_swap < resources.memory) {
        return invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
    }
    if (resources.memory == 0 && resources.memory_swap > 0) {
        return invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
    }
    if (resources.memory_reservation != 0 && resources.memory_reservation < kLeastMemory) {
        return invalid("Minimum memory reservation allowed is 6MB");
    }
    if (resources.memory > 0 && resources.memory_reservation > 0 && resources.memory < resources.memory_reservation) {
        return invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
    }
    if (resources.memory_swappiness && (*resources.memory_swappiness < 0 || *resources.memory_swappiness > 100)) {
        return invalid("Invalid value: " + std::to_string(*resources.memory_swappiness) +
                       ", valid memory swappiness range is 0-100");
    }
    return {};
}

bool is_number_list(const std::string &text) {
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == ',' || c == '-'; });
}

Status check_cpuset(const std::string &list, const char *what, unsigned highest) {
    if (!is_number_list(list)) {
        return invalid("Invalid value " + escaped(list) + " for cpuset " + what);
    }
    std::size_t start = 0;
    while (start < list.size()) {
        const std::size_t end = std::min(list.find_first_of(",-", start), list.size());
        unsigned number = 0;
        (void)std::from_chars(list.data() + start, list.data() + end, number); // digits alone, as was asked above
        if (number > highest) {
            return invalid(std::string("Requested CPUs are not available - requested ") + list + ", available: 0-" +
                           std::to_string(highest));
        }
        start = end + 1;
    }
    return {};
}

Status check_cpu(const Resources &resources, const MachineFacts &machine) {
    if (resources.nano_cpus != 0 && resources.cpu_period != 0) {
        return invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set.");
    }
    if (resources.nano_cpus != 0 && resources.cpu_quota != 0) {
        return invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
    }
    const std::string processors = std::to_string(machine.processors);
    if (resources.nano_cpus < 0 ||
        resources.nano_cpus > static_cast<std::int64_t>(machine.processors) * 1'000'000'000) {
        return invalid("Range of CPUs is from 0.01 to " + processors + ".00, as there are only " + processors +
                       " CPUs available");
    }
    if (resources.cpu_period != 0 && (resources.cpu_period < 1000 || resources.cpu_period > 1'000'000)) {
        return invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
    }
    if (resources.cpu_quota > 0 && resources.cpu_quota < 1000) {
        return invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
    }
    if (resources.cpu_shares < 0) {
        return invalid("shares can not be negative");
    }
    if (resources.cpu_realtime_period != 0 || resources.cpu_realtime_runtime != 0) {
        return invalid("Your kernel does not support CPU real-time scheduler with cgroup v2");
    }
    TRY(check_cpuset(resources.cpuset_cpus, "cpus", machine.processors - 1));
    return is_number_list(resources.cpuset_mems)
               ? Status()
               : invalid("Invalid value " + escaped(resources.cpuset_mems) + " for cpuset mems");
}

Status check_blkio(const Resources &resources) {
    const auto in_range = [](std::uint16_t weight) { return weight == 0 || (weight >= 10 && weight <= 1000); };
    if (!in_range(resources.blkio_weight)) {
        return invalid("Range of blkio weight is from 10 to 1000");
    }
    for (const WeightDevice &device : resources.blkio_weight_device) {
        if (!in_range(device.weight)) {
            return invalid("Range of blkio weight is from 10 to 1000");
        }
    }
    return {};
}

bool has_limits(const Resources &resources) {
    return resources.memory != 0 || resources.nano_cpus != 0 || resources.cpu_shares != 0 || resources.cpu_quota != 0 ||
           resources.cpu_period != 0 || !resources.cpuset_cpus.empty() || !resources.cpuset_mems.empty() ||
           resources.memory_reservation != 0 || resources.pids_limit.value_or(0) > 0 || resources.blkio_weight != 0;
}

Status check_health(const HealthCheck &check) {
    const auto too_short = [](Nanoseconds value) { return value.count() != 0 && value < kLeastInterval; };
    const std::array<std::pair<Nanoseconds, const char *>, 4> values = {{{check.interval, "Interval"},
                                                                         {check.timeout, "Timeout"},
                                                                         {check.start_period, "StartPeriod"},
                                                                         {check.start_interval, "StartInterval"}}};
    for (const auto &[value, name] : values) {
        if (too_short(value)) {
            return invalid(std::string(name) + " in Healthcheck cannot be less than 1ms");
        }
    }
    if (check.retries < 0) {
        return invalid("Retries in Healthcheck cannot be negative");
    }
    constexpr std::array kKinds = std::to_array<std::string_view>({"NONE", "CMD", "CMD-SHELL"});
    if (!check.test.empty() && !std::ranges::contains(kKinds, check.test.front())) {
        return invalid("Unknown type " + quote(check.test.front()) + " in HEALTHCHECK (try CMD)");
    }
    return {};
}

bool is_hostname(const std::string &name) {
    return name.size() <= kLongestHostname && std::ranges::all_of(name, [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
           });
}

Status check_config(const Config &config) {
    if (!config.working_dir.empty() && !config.working_dir.starts_with('/')) {
        return invalid("the working directory '" + escaped(config.working_dir) +
                       "' is invalid, it needs to be an absolute path");
    }
    for (const std::string &entry : config.env) {
        if (entry.empty() || entry.starts_with('=')) {
            return invalid("invalid environment variable: " + escaped(entry));
        }
    }
    if (!is_hostname(config.hostname)) {
        return invalid("invalid hostname format: " + escaped(config.hostname));
    }
    if (!config.stop_signal.empty()) {
        TRY(signal_number(config.stop_signal));
    }
    return config.health_check ? check_health(*config.health_check) : Status();
}

Status check_restart(const HostConfig &host) {
    const RestartPolicy &policy = host.restart_policy;
    if (policy.maximum_retry_count < 0) {
        return invalid("invalid restart policy: maximum retry count cannot be negative");
    }
    if (policy.maximum_retry_count > 0 && policy.kind != RestartPolicy::Kind::kOnFailure) {
        return invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
    }
    if (host.auto_remove && policy.kind != RestartPolicy::Kind::kNo) {
        return invalid("can't create 'AutoRemove' container with restart policy");
    }
    return {};
}

bool is_one_of(const std::string &mode, std::initializer_list<std::string_view> known) {
    return std::ranges::find(known, std::string_view(mode)) != known.end();
}

bool joins_container(const std::string &mode) { return mode.starts_with("container:") && mode.size() > 10; }

Status check_namespaces(const HostConfig &host) {
    if (!is_one_of(host.pid_mode, {"", "private", "host"}) && !joins_container(host.pid_mode)) {
        return invalid("invalid PID mode: " + escaped(host.pid_mode));
    }
    if (!is_one_of(host.ipc_mode, {"", "none", "private", "shareable", "host"}) && !joins_container(host.ipc_mode)) {
        return invalid("invalid IPC mode: " + escaped(host.ipc_mode));
    }
    if (!is_one_of(host.uts_mode, {"", "host"})) {
        return invalid("invalid UTS mode: " + escaped(host.uts_mode));
    }
    if (!is_one_of(host.userns_mode, {"", "host"})) {
        return invalid("invalid userns mode: " + escaped(host.userns_mode));
    }
    if (!is_one_of(host.cgroupns_mode, {"", "private", "host"})) {
        return invalid("invalid cgroup namespace mode: " + escaped(host.cgroupns_mode));
    }
    return {};
}

// What another container's or the host's namespace decides, a container cannot decide as well.
Status check_conflicts(const Config &config, const HostConfig &host) {
    const bool joins = joins_container(host.network_mode);
    const auto conflict = [](const char *what) { return invalid(std::string("conflicting options: ") + what); };
    if (joins && !config.hostname.empty()) {
        return conflict("hostname and the network mode");
    }
    if (host.uts_mode == "host" && !config.hostname.empty()) {
        return conflict("hostname and the UTS mode");
    }
    if (joins && !host.dns.empty()) {
        return conflict("dns and the network mode");
    }
    if (joins && !host.extra_hosts.empty()) {
        return conflict("custom host-to-IP mapping and the network mode");
    }
    if (host.network_mode == "host" && !host.links.empty()) {
        return conflict("host type networking can't be used with links. This would result in undefined behavior");
    }
    if (joins && !host.links.empty()) {
        return conflict("container type network can't be used with links. This would result in undefined behavior");
    }
    if (joins && (!host.port_bindings.empty() || host.publish_all_ports)) {
        return conflict("port publishing and the container type network mode");
    }
    return {};
}

// A sysctl must belong to a namespace that is the container's own.
Status check_sysctls(const HostConfig &host) {
    constexpr std::array kIpc =
        std::to_array<std::string_view>({"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
                                         "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"});
    for (const auto &[name, value] : host.sysctls) {
        const bool letters = std::ranges::all_of(
            name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '/'; });
        const bool clean = std::ranges::none_of(value, [](unsigned char c) { return c < ' ' && c != '\t'; });
        if (!letters || name.contains("..") || !clean) {
            return invalid("invalid sysctl: " + quote(name));
        }
        const bool ipc = std::ranges::contains(kIpc, name) || name.starts_with("fs.mqueue.");
        const bool net = name.starts_with("net.");
        if (!ipc && !net && name != "kernel.domainname") {
            return invalid("sysctl " + quote(name) + " is not in a separate kernel namespace");
        }
        if (net && (host.network_mode == "host" || joins_container(host.network_mode))) {
            return invalid("sysctl '" + name + "' not allowed in host network namespace");
        }
        if (ipc && (host.ipc_mode == "host" || joins_container(host.ipc_mode))) {
            return invalid("sysctl '" + name + "' not allowed in host ipc namespace");
        }
        if (name == "kernel.domainname" && host.uts_mode == "host") {
            return invalid("sysctl '" + name + "' not allowed in host uts namespace");
        }
    }
    return {};
}

Status check_unsupported(const HostConfig &host) {
    if (!host.device_requests.empty()) {
        const DeviceRequest &request = host.device_requests.front();
        std::string capabilities;
        for (const Texts &set : request.capabilities) {
            capabilities += "[";
            for (const std::string &one : set) {
                capabilities += (capabilities.ends_with('[') ? "" : " ") + escaped(one);
            }
            capabilities += "]";
        }
        return fail(EINVAL, "could not select device driver " + quote(request.driver) + " with capabilities: [" +
                                capabilities + "]");
    }
    if (!is_one_of(host.runtime, {"", "runc", "io.containerd.runc.v2", "ballast-oci"})) {
        return invalid("unknown or invalid runtime name: " + escaped(host.runtime));
    }
    if (!is_one_of(host.isolation, {"", "default"})) {
        return invalid("invalid isolation " + quote(host.isolation) + " on linux");
    }
    if (!host.volume_driver.empty() && host.volume_driver != "local") {
        return fail(EINVAL, "error looking up volume plugin " + escaped(host.volume_driver) + ": plugin " +
                                quote(host.volume_driver) + " not found");
    }
    return {};
}

Status check_ulimits(const std::vector<Ulimit> &limits) {
    constexpr std::array kKnown =
        std::to_array<std::string_view>({"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
                                         "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack", "as"});
    for (const Ulimit &limit : limits) {
        if (!std::ranges::contains(kKnown, limit.name)) {
            return invalid("invalid ulimit type: " + escaped(limit.name));
        }
        if (limit.hard >= 0 && (limit.soft > limit.hard || limit.soft < 0)) {
            return invalid("ulimit soft limit must be less than or equal to hard limit: " + std::to_string(limit.soft) +
                           " > " + std::to_string(limit.hard));
        }
    }
    return {};
}

} // namespace

Status check_resources(Resources &resources, const MachineFacts &machine, Texts &warnings) {
    TRY(check_memory(resources));
    TRY(check_cpu(resources, machine));
    TRY(check_blkio(resources));
    TRY(check_ulimits(resources.ulimits));
    if (resources.memory_swappiness) {
        warnings.emplace_back(
            "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory "
            "swappiness discarded.");
        resources.memory_swappiness.reset();
    }
    if (resources.oom_kill_disable) {
        warnings.emplace_back("Your kernel does not support OomKillDisable. OomKillDisable discarded.");
        resources.oom_kill_disable = false;
    }
    if (!machine.cgroups && has_limits(resources)) {
        return invalid("limits need control groups, which this engine's configuration has switched off");
    }
    return {};
}

Result<Texts> check_settings(Config &config, HostConfig &host, const MachineFacts &machine) {
    Texts warnings;
    TRY(check_config(config));
    TRY(check_restart(host));
    TRY(check_namespaces(host));
    TRY(check_conflicts(config, host));
    TRY(check_unsupported(host));
    TRY(check_name_settings(host));
    TRY(check_sysctls(host));
    TRY(check_resources(host, machine, warnings));
    if (host.shm_size < 0) {
        return invalid("SHM size can not be less than 0");
    }
    if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000) {
        return invalid("Invalid value " + std::to_string(host.oom_score_adj) +
                       ", range for oom score adj is [-1000, 1000]");
    }
    for (const auto &[name, value] : host.annotations) {
        if (name.empty()) {
            return invalid("invalid Annotations: the empty string is not permitted as an annotation key");
        }
    }
    if (host.network_mode == "host" && (!host.port_bindings.empty() || host.publish_all_ports)) {
        warnings.emplace_back("Published ports are discarded when using host network mode");
    }
    return warnings;
}

Result<int> signal_number(const std::string &text) {
    const std::unexpected<Error> bad = invalid("Invalid signal: " + escaped(text.substr(0, 64)));
    int number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && stop == text.data() + text.size()) {
        return number > 0 && number <= SIGRTMAX ? Result<int>(number) : Result<int>(bad);
    }
    std::string name = text;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (name.starts_with("SIG")) {
        name.erase(0, 3);
    }
    for (const auto &[base, first] : {std::pair<std::string_view, int>("RTMIN", SIGRTMIN), {"RTMAX", SIGRTMAX}}) {
        if (!name.starts_with(base)) {
            continue;
        }
        int offset = 0;
        const std::string rest = name.substr(base.size());
        const char *begin = rest.data() + (rest.starts_with('+') ? 1 : 0);
        const bool read =
            rest.empty() || std::from_chars(begin, rest.data() + rest.size(), offset).ptr == rest.data() + rest.size();
        const int wanted = first + offset;
        return read && wanted >= SIGRTMIN && wanted <= SIGRTMAX ? Result<int>(wanted) : Result<int>(bad);
    }
    for (int candidate = 1; candidate < SIGRTMIN; candidate++) {
        const char *known = sigabbrev_np(candidate);
        if (known != nullptr && name == known) {
            return candidate;
        }
    }
    return name == "IOT" ? Result<int>(SIGABRT) : name == "CLD" ? Result<int>(SIGCHLD) : Result<int>(bad);
}

} // namespace ballast::engine
