// SPDX-License-Identifier: Apache-2.0
#include "runtime/daemon/settings.h"

#include <array>
#include <fcntl.h>
#include <grp.h>
#include <optional>
#include <sys/file.h>

#include "base/file_io.h"
#include "base/http/listener.h"
#include "base/log.h"
#include "base/quote.h"
#include "runtime/config/values.h"

namespace ballast::daemon {
namespace {

constexpr mode_t kSocketMode = 0660;
constexpr const char *kDefaultSocket = "/run/docker.sock";

// Nothing when there is no such group: then the socket is root's alone.
std::optional<gid_t> find_group(const std::string &name) {
    std::array<char, 4096> buffer{};
    group entry{};
    group *found = nullptr;
    if (name.empty() || getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
        return std::nullopt;
    }
    return found->gr_gid;
}

Result<Fd> listen_on_path(const std::filesystem::path &path, const std::string &group_name) {
    const std::optional<gid_t> group = find_group(group_name);
    if (!group && !group_name.empty()) {
        log::warning("there is no group " + quote(group_name) + ": only root can use " + path.string());
    }
    return http::listen_unix(path, group ? kSocketMode : 0600, group);
}

} // namespace

network::Settings network_settings(const config::NetworkDefaults &config) {
    network::Settings settings;
    settings.bridge = config.bridge;
    settings.bip = config.bip;
    settings.fixed_cidr = config.fixed_cidr;
    settings.fixed_cidr_v6 = config.fixed_cidr_v6;
    settings.default_gateway = config.default_gateway;
    settings.default_gateway_v6 = config.default_gateway_v6;
    settings.icc = config.icc;
    settings.ipv6 = config.ipv6;
    settings.masquerade = config.ip_masquerade;
    settings.mtu = config.mtu;
    settings.port_host = network::Address::parse(config.ip);
    if (settings.port_host && settings.port_host->is_any() && settings.port_host->family == network::Family::kV4) {
        settings.port_host.reset(); // all addresses of both families
    }
    settings.filter_v4 = config.iptables;
    settings.filter_v6 = config.ip6tables;
    settings.forwarding = config.ip_forward;
    for (const config::AddressPool &pool : config.address_pools) {
        if (const std::optional<network::Subnet> base = network::Subnet::parse(pool.base)) { // it was checked
            settings.pools.push_back({.base = base->network(), .size = static_cast<unsigned>(pool.size)});
        }
    }
    if (const auto own = config.options.find("bridge"); own != config.options.end()) {
        settings.default_options = own->second;
    }
    return settings;
}

engine::Settings engine_settings(const config::EngineConfig &config) {
    engine::Settings settings;
    settings.data_root = config.data_root;
    settings.run_root = config.exec_root;
    settings.init_program = config.init_path;
    settings.cgroups = config.cgroups;
    settings.cgroup_parent = config.cgroup_parent;
    settings.loopback_cgroup = config.cgroups ? "/sys/fs/cgroup" : "";
    settings.log = {config.log_driver, config.log_options};
    for (const config::Ulimit &limit : config.ulimits) {
        settings.ulimits.push_back({limit.name, limit.soft, limit.hard});
    }
    settings.shm_size = config.shm_size;
    settings.ipc_mode = config.ipc_mode;
    settings.init = config.init;
    settings.no_new_privileges = config.no_new_privileges;
    settings.seccomp_profile = config.seccomp_profile;
    settings.userns_remap = config.userns_remap;
    settings.network = network_settings(config.network);
    settings.dns = config.dns;
    settings.dns_options = config.dns_options;
    settings.dns_search = config.dns_search;
    return settings;
}

registry::RegistrySettings registry_settings(const config::EngineConfig &config, const std::string &version) {
    registry::RegistrySettings settings;
    settings.hosts.mirrors = config.registry_mirrors;
    settings.hosts.insecure = config.insecure_registries;
    settings.hosts.proxies = http::ProxySettings::from_environment();
    const auto choose = [](const std::string &configured, std::string &value) {
        if (!configured.empty()) {
            value = configured;
        }
    };
    choose(config.proxies.http, settings.hosts.proxies.http);
    choose(config.proxies.https, settings.hosts.proxies.https);
    choose(config.proxies.none, settings.hosts.proxies.none);
    settings.downloads = config.downloads;
    settings.uploads = config.uploads;
    settings.retry.attempts = config.download_attempts;
    settings.user_agent = "ballast/" + version;
    return settings;
}

Result<Listeners> listeners(const config::EngineConfig &config, std::vector<Fd> inherited) {
    Listeners all;
    bool wants_inherited = config.hosts.empty();
    for (const std::string &host : config.hosts) {
        if (host == "fd://") {
            wants_inherited = true;
            if (inherited.empty()) {
                return fail(EINVAL, "\"fd://\" among the hosts, but systemd gave no socket");
            }
        } else if (host.starts_with("unix://")) {
            all.plain.push_back(TRY(listen_on_path(host.substr(7), config.group)));
        } else if (const auto tcp = config::parse_address_and_port(host.starts_with("tcp://") ? host.substr(6) : "")) {
            // The command line is no way around the configuration's rule.
            TRY(config::check_host(host, config.tls_verify).within("hosts"));
            (config.tls_verify ? all.tls : all.plain).push_back(TRY(http::listen_tcp(tcp->address, tcp->port)));
        } else {
            return fail(EINVAL, "host " + quote(host) + ": want fd://, unix:///PATH or tcp://ADDRESS:PORT");
        }
    }
    if (wants_inherited) {
        for (Fd &listener : inherited) {
            all.plain.push_back(std::move(listener));
        }
    }
    if (all.plain.empty() && all.tls.empty()) {
        all.plain.push_back(TRY(listen_on_path(kDefaultSocket, config.group)));
    }
    return all;
}

Result<std::string> engine_id(const std::filesystem::path &data_root) {
    const std::filesystem::path file = data_root / "engine-id";
    constexpr std::size_t kIdSize = 36;
    if (const Result<std::string> id = read_file(file); id.has_value() && id->size() >= kIdSize) {
        return id->substr(0, kIdSize);
    }
    const std::string id = TRY(read_file("/proc/sys/kernel/random/uuid")).substr(0, kIdSize);
    TRY(replace_file(file, id + "\n", 0600));
    return id;
}

Result<Fd> lock_run_directory(const std::filesystem::path &run_root) {
    Fd lock = TRY(open_file(run_root / "ballastd.lock", O_RDWR | O_CREAT, 0600));
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail(errno == EWOULDBLOCK ? EBUSY : errno,
                    "another ballastd works in " + run_root.string() + "; stop it first");
    }
    return lock;
}

} // namespace ballast::daemon
