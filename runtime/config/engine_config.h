// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

// The engine's configuration, /etc/ballast/engine.json: the keys of Docker's daemon.json, read strictly. Its JSON
// Schema is configs/engine.schema.json; docs/usage/engine.md explains the keys.
namespace ballast::config {

inline constexpr const char *kEngineFile = "/etc/ballast/engine.json";

struct Ulimit {
    std::string name;                // "nofile"
    std::int64_t soft = 0, hard = 0; // -1: unlimited
};

struct AddressPool {
    std::string base; // "10.200.0.0/16"
    int size = 0;     // prefix length of each network taken from it
};

// What the default bridge and published ports are made with. Kept for the engine's networks.
struct NetworkDefaults {
    std::string bridge; // empty: the engine's own; "none"
    std::string bip, fixed_cidr, fixed_cidr_v6, default_gateway, default_gateway_v6;
    std::string ip = "0.0.0.0"; // where ports are published
    bool icc = true, ipv6 = false, iptables = true, ip6tables = true, ip_forward = true, ip_masquerade = true;
    bool userland_proxy = false;
    int mtu = 0; // 0: the default route's
    std::vector<AddressPool> address_pools;
    std::map<std::string, std::map<std::string, std::string>> options; // by driver
};

struct Proxies {
    std::string http, https, none; // empty: the environment's
};

struct EngineConfig {
    std::filesystem::path data_root = "/var/lib/ballast";
    std::filesystem::path exec_root = "/run/ballast";
    std::string group = "docker";
    std::vector<std::string> hosts; // "unix:///run/docker.sock", "fd://", "tcp://127.0.0.1:2375"; none: fd:// or unix
    bool tls = false;               // says nothing beside `tls_verify`
    bool tls_verify = false;        // tcp:// is TLS, for clients with a certificate of `tls_authorities`
    std::filesystem::path tls_authorities = "/etc/ballast/tls/ca.pem", tls_certificate = "/etc/ballast/tls/cert.pem",
                          tls_key = "/etc/ballast/tls/key.pem";
    bool debug = false;
    std::string log_level; // empty: "info"
    std::vector<std::string> labels;
    std::string metrics_address; // "127.0.0.1:9323"; empty: no metrics
    int shutdown_timeout = 15;   // seconds that requests get when the daemon stops

    std::vector<std::string> registry_mirrors, insecure_registries;
    std::vector<std::string> pinned_images; // names, or beginnings of whole names with a star: never cleaned up
    unsigned downloads = 4, uploads = 5, download_attempts = 5;
    Proxies proxies;

    std::string log_driver = "json-file";
    std::map<std::string, std::string> log_options;
    std::vector<Ulimit> ulimits;
    std::int64_t shm_size = 64LL << 20; // bytes
    std::string ipc_mode = "private", cgroupns_mode = "private";
    std::string cgroup_parent;
    bool cgroups = true; // false: "cgroups": "disabled", for tests on machines without cgroup v2
    bool init = false, no_new_privileges = false;
    std::string init_path;
    std::string seccomp_profile; // a file; empty: the engine's own; "unconfined"
    std::string userns_remap;
    std::vector<std::string> storage_options;
    std::vector<std::string> dns, dns_options, dns_search;
    std::map<std::string, bool> features;
    NetworkDefaults network;

    std::map<std::string, std::string> given; // every key of the file and its value as text, to tell what changed
};

// EINVAL "FILE:LINE:COLUMN: what". A file that is missing is the defaults.
Result<EngineConfig> load_engine_config(const std::filesystem::path &file);
Result<EngineConfig> parse_engine_config(const std::string &text, const std::string &name);

// EPERM for a host of "hosts" that the network reaches, unless clients have to show certificates.
Status check_host(const std::string &host, bool tls_verify);

// What SIGHUP does with a key that changed.
enum class Effect { kReload, kRestart };
struct KeyInfo {
    std::string_view name;
    Effect effect;
};
std::vector<KeyInfo> engine_config_keys(); // in alphabetical order

struct Changes {
    std::vector<std::string> reloaded, needing_restart;
};
Changes changed_keys(const EngineConfig &before, const EngineConfig &after);

} // namespace ballast::config
