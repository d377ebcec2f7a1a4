// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/plan.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/engine/apparmor.h"
#include "runtime/engine/capabilities.h"
#include "runtime/engine/mount_points.h"
#include "runtime/engine/plan_mounts.h"
#include "runtime/engine/pod_limits.h"
#include "runtime/engine/seccomp_profile.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kInitInside = "/sbin/docker-init";
constexpr const char *kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool has_variable(const Texts &env, std::string_view name) {
    return std::ranges::any_of(env, [name](const std::string &entry) {
        return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
    });
}

// What Docker sets unless the image or the user does, `linked` among it.
Texts environment(const Config &config, const Texts &linked, const Texts &more, bool tty, const std::string &home) {
    const std::string &hostname = config.hostname;
    Texts env;
    const auto has = [&](std::string_view name) { return has_variable(config.env, name) || has_variable(more, name); };
    if (!has("PATH")) {
        env.emplace_back(kDefaultPath);
    }
    if (!has("HOSTNAME") && !hostname.empty()) {
        env.push_back("HOSTNAME=" + hostname);
    }
    if (tty && !has("TERM")) {
        env.emplace_back("TERM=xterm");
    }
    std::ranges::copy_if(linked, std::back_inserter(env), [&has](const std::string &entry) {
        return !has(std::string_view(entry).substr(0, entry.find('=')));
    });
    const auto replaced = [&more](const std::string &entry) {
        return has_variable(more, std::string_view(entry).substr(0, entry.find('=')));
    };
    std::ranges::copy_if(config.env, std::back_inserter(env),
                         [&](const std::string &entry) { return !replaced(entry); });
    std::ranges::copy_if(more, std::back_inserter(env), [](const std::string &entry) { return entry.contains('='); });
    if (!has("HOME")) {
        env.push_back("HOME=" + home);
    }
    return env;
}

Json rlimits(const std::vector<Ulimit> &own, const std::vector<Ulimit> &defaults) {
    std::map<std::string, Ulimit> limits;
    for (const std::vector<Ulimit> *list : {&defaults, &own}) {
        for (const Ulimit &limit : *list) {
            limits[limit.name] = limit;
        }
    }
    Json json = Json::array();
    for (const auto &[name, limit] : limits) {
        std::string upper = "RLIMIT_" + name;
        std::ranges::transform(upper, upper.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        // -1 is unlimited, which is the highest number.
        json.push_back({{"type", upper},
                        {"hard", static_cast<std::uint64_t>(limit.hard)},
                        {"soft", static_cast<std::uint64_t>(limit.soft)}});
    }
    return json;
}

Json user_json(const ProcessUser &user) {
    return {{"uid", user.uid}, {"gid", user.gid}, {"additionalGids", user.groups}};
}

// execve(2) of another user than root takes them away; not giving them says so in advance.
// `ambient` ones stay.
Json capability_sets(const Texts &names, uid_t uid, const Texts &ambient) {
    Json sets = {{"bounding", names}};
    if (uid == 0) {
        sets["effective"] = names;
        sets["permitted"] = names;
    } else if (!ambient.empty()) {
        sets["effective"] = ambient;
        sets["permitted"] = ambient;
    }
    if (!ambient.empty()) {
        sets["inheritable"] = ambient;
        sets["ambient"] = ambient;
    }
    return sets;
}

std::string apparmor_profile(const HostFacts &host, const SecurityOptions &security, bool privileged) {
    if (!host.apparmor || security.apparmor == "unconfined" || (privileged && security.apparmor.empty())) {
        return {};
    }
    return security.apparmor.empty() ? kDefaultApparmorProfile : security.apparmor;
}

// A terminal has its size before the program looks at it.
void add_console_size(Json &process, bool terminal, std::uint16_t height, std::uint16_t width) {
    if (terminal && height != 0 && width != 0) {
        process["consoleSize"] = {{"height", height}, {"width", width}};
    }
}

Result<Json> process_json(const PlanInput &input, const SecurityOptions &security, const Texts &capabilities) {
    const Snapshot &container = *input.container;
    Texts args = program_of(container.config);
    if (args.empty() || args.front().empty()) {
        return fail(EINVAL, "no command specified");
    }
    if (!input.init_program.empty()) {
        args.insert(args.begin(), {kInitInside, "--"});
    }
    Json process = {
        {"terminal", container.config.tty},
        {"user", user_json(input.user)},
        {"args", args},
        {"env", environment(container.config, input.linked_env, {}, container.config.tty, input.user.home)},
        {"cwd", container.config.working_dir.empty() ? "/" : clean_path(container.config.working_dir)},
        {"capabilities", capability_sets(capabilities, input.user.uid, container.pod.ambient)},
        {"rlimits", rlimits(container.host.ulimits, input.default_ulimits)},
        {"noNewPrivileges", security.no_new_privileges || input.no_new_privileges},
        {"oomScoreAdj", container.host.oom_score_adj},
    };
    if (container.host.oom_score_adj == 0) {
        process.erase("oomScoreAdj"); // the caller's: lowering it again needs a right
    }
    add_console_size(process, container.config.tty, container.host.console_height, container.host.console_width);
    const std::string profile = apparmor_profile(input.host, security, container.host.privileged);
    if (!profile.empty()) {
        process["apparmorProfile"] = profile;
    }
    return process;
}

Json namespaces_json(const PlanInput &input) {
    const HostConfig &host = input.container->host;
    Json list = Json::array({{{"type", "mount"}}});
    const auto add = [&list](const char *type, const std::string &path) {
        if (path != "host") {
            Json entry = {{"type", type}};
            if (!path.empty()) {
                entry["path"] = path;
            }
            list.push_back(std::move(entry));
        }
    };
    add("network", input.network_namespace);
    add("pid", input.pid_namespace);
    add("ipc", input.ipc_namespace);
    add("uts", host.uts_mode == "host" ? "host" : input.uts_namespace);
    if (!input.cgroup.empty()) {
        add("cgroup", host.cgroupns_mode == "host" ? "host" : "");
    }
    if (!input.user_namespace.empty()) {
        add("user", input.user_namespace);
    }
    return list;
}

// Of those that follow one another from 0 on.
std::uint32_t last_group(const PlanInput &input) {
    constexpr std::uint32_t kLast = 2147483647; // that the kernel takes
    if (input.user_namespace.empty()) {
        return kLast;
    }
    std::uint32_t count = 0;
    for (const oci::IdMapping &mapping : input.container->ids.gids) {
        count += mapping.container_id == count ? mapping.size : 0;
    }
    return std::min(count - 1, kLast); // root's is among them
}

Json sysctls_json(const PlanInput &input) {
    Json sysctls = Json::object();
    if (input.network_namespace.empty() || input.own_network_namespace) {
        // Programs without rights may ping and serve port 80, as everywhere where Docker runs.
        sysctls["net.ipv4.ip_unprivileged_port_start"] = "0";
        sysctls["net.ipv4.ping_group_range"] = "0 " + std::to_string(last_group(input));
    }
    for (const auto &[name, value] : input.container->host.sysctls) {
        sysctls[name] = value;
    }
    return sysctls;
}

Result<Json> device_rule(const std::string &rule) {
    std::array<char, 2> type{};
    std::array<char, 16> major{}, minor{}, access{};
    char rest = 0;
    if (std::sscanf(rule.c_str(), "%1[abc] %15[0-9*]:%15[0-9*] %15[rwm]%c", type.data(), major.data(), minor.data(),
                    access.data(), &rest) != 4) {
        return fail(EINVAL, "invalid device cgroup rule format: '" + escaped(rule) + "'");
    }
    Json json = {{"allow", true}, {"type", type.data()}, {"access", access.data()}};
    for (const auto &[name, text] : {std::pair("major", major.data()), std::pair("minor", minor.data())}) {
        if (std::string_view(text) != "*") {
            json[name] = std::strtoll(text, nullptr, 10); // at most 15 digits
        }
    }
    return json;
}

Result<Json> device_rules(const PlanInput &input) {
    const HostConfig &host = input.container->host;
    if (host.privileged) {
        return Json::array({{{"allow", true}, {"access", "rwm"}}});
    }
    Json rules = Json::array({{{"allow", false}, {"access", "rwm"}}});
    for (const HostDevice &device : input.devices) {
        rules.push_back({{"allow", true},
                         {"type", std::string(1, device.type)},
                         {"major", device.major},
                         {"minor", device.minor},
                         {"access", device.access}});
    }
    for (const std::string &rule : host.device_cgroup_rules) {
        rules.push_back(TRY(device_rule(rule)));
    }
    return rules;
}

Json devices_json(const PlanInput &input) {
    Json devices = Json::array();
    for (const HostDevice &device : input.devices) {
        devices.push_back({{"path", device.path},
                           {"type", std::string(1, device.type)},
                           {"major", device.major},
                           {"minor", device.minor},
                           {"fileMode", device.mode},
                           {"uid", device.uid},
                           {"gid", device.gid}});
    }
    return devices;
}

Result<Json> seccomp_json(const PlanInput &input, const SecurityOptions &security, const Texts &capabilities) {
    const std::string &said = security.seccomp.empty() ? input.seccomp_profile : security.seccomp;
    if (said == "unconfined" || (input.container->host.privileged && security.seccomp.empty())) {
        return Json(nullptr);
    }
    const std::string_view profile = said.empty() || said == "builtin" ? default_seccomp_profile() : said;
    return resolve_seccomp(profile, {.capabilities = capabilities,
                                     .architecture = input.host.architecture,
                                     .kernel_major = input.host.kernel_major,
                                     .kernel_minor = input.host.kernel_minor});
}

Result<Json> linux_json(const PlanInput &input, const SecurityOptions &security, const Texts &capabilities) {
    const HostConfig &host = input.container->host;
    const bool open = host.privileged || security.system_paths_unconfined;
    Json json = {{"namespaces", namespaces_json(input)},
                 {"sysctl", sysctls_json(input)},
                 {"devices", devices_json(input)},
                 {"maskedPaths", open ? Texts() : host.masked_paths.value_or(default_masked_paths())},
                 {"readonlyPaths", open ? Texts() : host.readonly_paths.value_or(default_readonly_paths())},
                 {"rootfsPropagation", rootfs_propagation(input)}};
    if (json["rootfsPropagation"].get<std::string>().empty()) {
        json.erase("rootfsPropagation");
    }
    if (!input.cgroup.empty()) {
        json["cgroupsPath"] = input.cgroup;
        json["resources"] = resources_json(host, input.block_devices);
        add_pod_limits(json["resources"], input.container->pod);
        json["resources"]["devices"] = TRY(device_rules(input));
    }
    if (Json seccomp = TRY(seccomp_json(input, security, capabilities)); !seccomp.is_null()) {
        json["seccomp"] = std::move(seccomp);
    }
    return json;
}

std::string text_of(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json throttles(const std::vector<ThrottleDevice> &devices,
               const std::map<std::string, std::pair<unsigned, unsigned>> &numbers) {
    Json json = Json::array();
    for (const ThrottleDevice &device : devices) {
        if (const auto found = numbers.find(device.path); found != numbers.end()) {
            json.push_back({{"major", found->second.first}, {"minor", found->second.second}, {"rate", device.rate}});
        }
    }
    return json;
}

Json memory_json(const Resources &resources) {
    Json memory = Json::object();
    if (resources.memory > 0) {
        memory["limit"] = resources.memory;
        // As much swap as memory when nothing is said.
        memory["swap"] = resources.memory_swap == 0 ? resources.memory * 2 : resources.memory_swap;
    }
    if (resources.memory_reservation > 0) {
        memory["reservation"] = resources.memory_reservation;
    }
    return memory;
}

Json cpu_json(const Resources &resources) {
    Json cpu = Json::object();
    if (resources.cpu_shares > 0) {
        cpu["shares"] = resources.cpu_shares;
    }
    if (resources.nano_cpus > 0) {
        constexpr std::int64_t kPeriod = 100'000;
        cpu["quota"] = resources.nano_cpus * kPeriod / 1'000'000'000;
        cpu["period"] = kPeriod;
    }
    if (resources.cpu_quota != 0) {
        cpu["quota"] = resources.cpu_quota;
    }
    if (resources.cpu_period > 0) {
        cpu["period"] = resources.cpu_period;
    }
    if (!resources.cpuset_cpus.empty()) {
        cpu["cpus"] = resources.cpuset_cpus;
    }
    if (!resources.cpuset_mems.empty()) {
        cpu["mems"] = resources.cpuset_mems;
    }
    return cpu;
}

} // namespace

HostFacts read_host_facts() {
    HostFacts facts;
    utsname names{};
    if (uname(&names) == 0) {
        const std::string machine = names.machine;
        facts.architecture = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
        (void)std::sscanf(names.release, "%u.%u", &facts.kernel_major, &facts.kernel_minor); // 0: no rule asks for it
        facts.hostname = names.nodename;
    }
    if (const Result<std::string> last = read_file("/proc/sys/kernel/cap_last_cap", 64)) {
        facts.last_capability = static_cast<unsigned>(std::strtoul(last->c_str(), nullptr, 10));
    }
    facts.processors = static_cast<unsigned>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
    facts.apparmor = apparmor_enabled() && apparmor_loaded(kDefaultApparmorProfile);
    return facts;
}

Texts program_of(const Config &config) {
    Texts words = config.entrypoint.value_or(Texts());
    const Texts cmd = config.cmd.value_or(Texts());
    words.insert(words.end(), cmd.begin(), cmd.end());
    return words;
}

Result<SecurityOptions> parse_security_options(const Texts &options) {
    SecurityOptions result;
    for (const std::string &option : options) {
        std::size_t at = option.find('=');
        if (at == std::string::npos) {
            at = option.find(':');
        }
        const std::string name = option.substr(0, at);
        const std::string value = at == std::string::npos ? "" : option.substr(at + 1);
        if (name == "no-new-privileges" && (value.empty() || value == "true" || value == "false")) {
            result.no_new_privileges = value != "false";
        } else if (name == "seccomp" && !value.empty()) {
            result.seccomp = value;
        } else if (name == "apparmor" && !value.empty()) {
            result.apparmor = value;
        } else if (name == "label") {
            result.label_disabled = value == "disable"; // SELinux is not there: nothing to label
        } else if (name == "systempaths" && value == "unconfined") {
            result.system_paths_unconfined = true;
        } else {
            return fail(EINVAL, "invalid --security-opt 2: " + quote(option.substr(0, 200)));
        }
    }
    return result;
}

const Texts &default_masked_paths() {
    static const Texts paths = {"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
                                "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
    return paths;
}

const Texts &default_readonly_paths() {
    static const Texts paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    return paths;
}

Json resources_json(const Resources &resources, const std::map<std::string, std::pair<unsigned, unsigned>> &numbers) {
    Json json = Json::object();
    if (Json memory = memory_json(resources); !memory.empty()) {
        json["memory"] = std::move(memory);
    }
    if (Json cpu = cpu_json(resources); !cpu.empty()) {
        json["cpu"] = std::move(cpu);
    }
    if (resources.pids_limit) {
        json["pids"] = {{"limit", *resources.pids_limit > 0 ? *resources.pids_limit : -1}};
    }
    Json block = Json::object();
    if (resources.blkio_weight > 0) {
        block["weight"] = resources.blkio_weight;
    }
    for (const WeightDevice &device : resources.blkio_weight_device) {
        if (const auto found = numbers.find(device.path); found != numbers.end()) {
            block["weightDevice"].push_back(
                {{"major", found->second.first}, {"minor", found->second.second}, {"weight", device.weight}});
        }
    }
    const std::array<std::pair<const char *, const std::vector<ThrottleDevice> *>, 4> kinds = {
        {{"throttleReadBpsDevice", &resources.blkio_read_bps},
         {"throttleWriteBpsDevice", &resources.blkio_write_bps},
         {"throttleReadIOPSDevice", &resources.blkio_read_iops},
         {"throttleWriteIOPSDevice", &resources.blkio_write_iops}}};
    for (const auto &[name, devices] : kinds) {
        if (Json list = throttles(*devices, numbers); !list.empty()) {
            block[name] = std::move(list);
        }
    }
    if (!block.empty()) {
        json["blockIO"] = std::move(block);
    }
    return json;
}

void add_pod_limits(Json &resources, const Pod &pod) {
    if (!pod.cgroup.empty()) {
        resources["unified"] = pod.cgroup;
    }
    for (const auto &[size, limit] : pod.huge_pages) {
        resources["hugepageLimits"].push_back({{"pageSize", size}, {"limit", limit}});
    }
}

Result<std::string> plan_config(const PlanInput &input) {
    const Snapshot &container = *input.container;
    const HostConfig &host = container.host;
    const SecurityOptions security = TRY(parse_security_options(host.security_opt));
    const Texts capabilities =
        TRY(plan_capabilities(host.cap_add, host.cap_drop, host.privileged, input.host.last_capability));
    Json json = {{"ociVersion", "1.2.0"},
                 {"process", TRY(process_json(input, security, capabilities))},
                 {"root", {{"path", input.rootfs}, {"readonly", host.read_only_rootfs}}},
                 {"mounts", TRY(plan_mounts(input))},
                 {"linux", TRY(linux_json(input, security, capabilities))}};
    if (host.uts_mode != "host" && input.uts_namespace.empty()) {
        json["hostname"] = container.config.hostname;
        if (!container.config.domainname.empty()) {
            json["domainname"] = container.config.domainname;
        }
    }
    json["annotations"] = host.annotations;
    return text_of(json);
}

Result<std::string> plan_exec(const ExecPlanInput &input) {
    const Snapshot &container = *input.container;
    const HostConfig &host = container.host;
    const SecurityOptions security = TRY(parse_security_options(host.security_opt));
    const Texts capabilities = TRY(plan_capabilities(host.cap_add, host.cap_drop, host.privileged || input.privileged,
                                                     input.host.last_capability));
    const std::string cwd = input.working_dir.empty() ? container.config.working_dir : input.working_dir;
    Json json = {{"terminal", input.tty},
                 {"user", user_json(input.user)},
                 {"args", input.cmd},
                 {"env", environment(container.config, input.linked_env, input.env, input.tty, input.user.home)},
                 {"cwd", cwd.empty() ? "/" : clean_path(cwd)},
                 {"capabilities", capability_sets(capabilities, input.user.uid, container.pod.ambient)},
                 {"rlimits", rlimits(host.ulimits, input.default_ulimits)},
                 {"noNewPrivileges", security.no_new_privileges || input.no_new_privileges}};
    add_console_size(json, input.tty, input.console_height, input.console_width);
    const std::string profile = apparmor_profile(input.host, security, host.privileged || input.privileged);
    if (!profile.empty()) {
        json["apparmorProfile"] = profile;
    }
    return text_of(json);
}

} // namespace ballast::engine
