// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/engine_config.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "base/quote.h"
#include "base/yaml.h"
#include "runtime/config/network_keys.h"
#include "runtime/config/reading.h"
#include "runtime/config/values.h"

namespace ballast::config {
namespace {

constexpr std::array kLogDrivers{"json-file", "local", "journald", "syslog", "none"};
constexpr std::array kLogLevels{"debug", "info", "warn", "error", "fatal"};
constexpr long long kMostNumber = std::numeric_limits<long long>::max();

// One key of the file: reads what stands there into the configuration.
using Read = Status (*)(const YamlNode &root, const char *key, EngineConfig &config);
struct Key {
    const char *name;
    Effect effect;
    Read read;
};

template <auto Member>
Status read_text(const YamlNode &root, const char *key, EngineConfig &config) {
    config.*Member = TRY(root.string(key));
    return {};
}

template <auto Member>
Status read_texts(const YamlNode &root, const char *key, EngineConfig &config) {
    config.*Member = TRY(root.strings_or_empty(key));
    return {};
}

template <auto Member>
Status read_flag(const YamlNode &root, const char *key, EngineConfig &config) {
    config.*Member = TRY(root.boolean_or(key, config.*Member));
    return {};
}

template <auto Member, long long Least, long long Most>
Status read_number(const YamlNode &root, const char *key, EngineConfig &config) {
    using Number = std::remove_reference_t<decltype(config.*Member)>;
    config.*Member = static_cast<Number>(TRY(root.integer_or(key, 0, Least, Most)));
    return {};
}

template <auto Member>
Status read_path(const YamlNode &root, const char *key, EngineConfig &config) {
    const std::string path = TRY(root.string(key));
    if (!path.starts_with('/')) {
        return wrong_at(root, key, "must be an absolute path");
    }
    config.*Member = path;
    return {};
}

template <auto Member, const auto &Names>
Status read_choice(const YamlNode &root, const char *key, EngineConfig &config) {
    config.*Member = TRY(root.string(key));
    std::string list;
    for (const char *name : Names) {
        if (config.*Member == name) {
            return {};
        }
        list += (list.empty() ? "" : ", ") + std::string(name);
    }
    return wrong_at(root, key, "must be one of " + list);
}

template <auto Member>
Status read_addresses(const YamlNode &root, const char *key, EngineConfig &config) {
    config.*Member = TRY(root.strings_or_empty(key));
    for (const std::string &address : config.*Member) {
        if (!is_ip_address(address)) {
            return wrong_at(root, key, "has " + quote(address) + ", which is not an IP address");
        }
    }
    return {};
}

Status read_live_restore(const YamlNode &root, const char *key, EngineConfig & /*config*/) {
    if (!TRY(root.boolean_or(key, true))) {
        return wrong_at(root, key, "cannot be false: containers always outlive this engine");
    }
    return {};
}

Status read_cgroups(const YamlNode &root, const char *key, EngineConfig &config) {
    const std::string value = TRY(root.string(key));
    if (value != "enabled" && value != "disabled") {
        return wrong_at(root, key, "must be enabled or disabled");
    }
    config.cgroups = value == "enabled";
    return {};
}

Status read_storage_driver(const YamlNode &root, const char *key, EngineConfig & /*config*/) {
    const std::string value = TRY(root.string(key));
    return value == "overlay2" ? Status() : wrong_at(root, key, "must be overlay2: there is no other storage driver");
}

Status read_storage_options(const YamlNode &root, const char *key, EngineConfig &config) {
    config.storage_options = TRY(root.strings_or_empty(key));
    for (const std::string &option : config.storage_options) {
        if (!option.starts_with("overlay2.override_kernel_check=")) {
            return wrong_at(root, key, "has " + quote(option) + ", which this engine does not know");
        }
    }
    return {};
}

Status read_hosts(const YamlNode &root, const char *key, EngineConfig &config) {
    config.hosts = TRY(root.strings_or_empty(key));
    for (const std::string &host : config.hosts) {
        const bool tcp = host.starts_with("tcp://") && parse_address_and_port(host.substr(6)).has_value();
        if (!tcp && host != "fd://" && !host.starts_with("unix:///")) {
            return wrong_at(root, key, "has " + quote(host) + "; want fd://, unix:///PATH or tcp://ADDRESS:PORT");
        }
    }
    return {};
}

Status read_tls(const YamlNode &root, const char *key, EngineConfig &config) {
    config.tls = TRY(root.boolean_or(key, false));
    const bool contradicts = !config.tls && TRY(root.boolean_or("tlsverify", false));
    return contradicts ? wrong_at(root, key, "is false, and \"tlsverify\" is true") : Status();
}

Status read_metrics_address(const YamlNode &root, const char *key, EngineConfig &config) {
    config.metrics_address = TRY(root.string(key));
    if (!config.metrics_address.empty() && !parse_address_and_port(config.metrics_address)) {
        return wrong_at(root, key, "must be an address and a port, like 127.0.0.1:9323");
    }
    return {};
}

Status read_labels(const YamlNode &root, const char *key, EngineConfig &config) {
    config.labels = TRY(root.strings_or_empty(key));
    for (const std::string &label : config.labels) {
        if (label.find('=') == std::string::npos || label.starts_with('=')) {
            return wrong_at(root, key, "has " + quote(label) + "; labels are KEY=VALUE");
        }
    }
    return {};
}

Status read_mirrors(const YamlNode &root, const char *key, EngineConfig &config) {
    config.registry_mirrors = TRY(root.strings_or_empty(key));
    for (const std::string &mirror : config.registry_mirrors) {
        if (!mirror.starts_with("http://") && !mirror.starts_with("https://")) {
            return wrong_at(root, key, "has " + quote(mirror) + ", which is not an http:// or https:// URL");
        }
    }
    return {};
}

Status read_proxies(const YamlNode &root, const char *key, EngineConfig &config) {
    static constexpr std::array kKeys{"http-proxy", "https-proxy", "no-proxy"};
    const YamlNode node = TRY(root.at(key));
    TRY(refuse_unknown(node, kKeys));
    config.proxies.http = TRY(node.string_or("http-proxy", ""));
    config.proxies.https = TRY(node.string_or("https-proxy", ""));
    config.proxies.none = TRY(node.string_or("no-proxy", ""));
    return {};
}

Status read_log_options(const YamlNode &root, const char *key, EngineConfig &config) {
    config.log_options = TRY(texts_by_name(TRY(root.at(key))));
    return {};
}

// {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096}}; the inner name may be left out.
Status read_ulimits(const YamlNode &root, const char *key, EngineConfig &config) {
    static constexpr std::array kKeys{"Name", "Soft", "Hard"};
    for (const auto &[name, value] : TRY(TRY(root.at(key)).members())) {
        TRY(refuse_unknown(value, kKeys));
        Ulimit limit{name, TRY(value.integer_or("Soft", -1, -1, kMostNumber)),
                     TRY(value.integer_or("Hard", -1, -1, kMostNumber))};
        if (TRY(value.string_or("Name", name)) != name) {
            return wrong(value, "\"Name\" differs from the limit's key " + quote(name));
        }
        if (limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard)) {
            return wrong(value, "the soft limit of " + quote(name) + " is above its hard limit");
        }
        config.ulimits.push_back(std::move(limit));
    }
    return {};
}

Status read_shm_size(const YamlNode &root, const char *key, EngineConfig &config) {
    const std::optional<std::int64_t> size = parse_size(TRY(root.string(key)));
    if (!size || *size <= 0) {
        return wrong_at(root, key, "must be a size, like 64m");
    }
    config.shm_size = *size;
    return {};
}

Status read_seccomp_profile(const YamlNode &root, const char *key, EngineConfig &config) {
    const std::string value = TRY(root.string(key));
    if (value != "unconfined" && value != "builtin" && !value.empty() && !value.starts_with('/')) {
        return wrong_at(root, key, "must be a file's absolute path, builtin or unconfined");
    }
    config.seccomp_profile = value == "builtin" ? "" : value;
    return {};
}

// Monitors, limits and recovery count on what ballast-oci promises; another runtime would be used in silence where it
// differs.
Status read_runtimes(const YamlNode &root, const char *key, EngineConfig & /*config*/) {
    for (const auto &[name, value] : TRY(TRY(root.at(key)).members())) {
        return wrong(value, "\"runtimes\" has " + quote(name) +
                                ": this engine runs containers by ballast-oci alone; leave it out");
    }
    return {};
}

Status read_default_runtime(const YamlNode &root, const char *key, EngineConfig & /*config*/) {
    const std::string value = TRY(root.string(key));
    return value == "ballast-oci" ? Status() : wrong_at(root, key, "must be ballast-oci: there is no other runtime");
}

Status read_features(const YamlNode &root, const char *key, EngineConfig &config) {
    const YamlNode node = TRY(root.at(key));
    for (const auto &[name, value] : TRY(node.members())) {
        config.features[name] = TRY(node.boolean_or(name, false));
    }
    return {};
}

constexpr std::array kIpcModes{"private", "shareable"};
constexpr std::array kCgroupnsModes{"private", "host"};

using C = EngineConfig;
using N = NetworkDefaults;
constexpr Effect kReload = Effect::kReload;
constexpr Effect kRestart = Effect::kRestart;

constexpr std::array kKeys{
    Key{"bip", kRestart, read_network_cidr<&N::bip>},
    Key{"bridge", kRestart, read_network_text<&N::bridge>},
    Key{"cgroup-parent", kRestart, read_text<&C::cgroup_parent>},
    Key{"cgroups", kRestart, read_cgroups},
    Key{"data-root", kRestart, read_path<&C::data_root>},
    Key{"debug", kReload, read_flag<&C::debug>},
    Key{"default-address-pools", kRestart, read_address_pools},
    Key{"default-cgroupns-mode", kRestart, read_choice<&C::cgroupns_mode, kCgroupnsModes>},
    Key{"default-gateway", kRestart, read_network_address<&N::default_gateway>},
    Key{"default-gateway-v6", kRestart, read_network_address<&N::default_gateway_v6>},
    Key{"default-ipc-mode", kReload, read_choice<&C::ipc_mode, kIpcModes>},
    Key{"default-network-opts", kRestart, read_network_options},
    Key{"default-runtime", kRestart, read_default_runtime},
    Key{"default-shm-size", kReload, read_shm_size},
    Key{"default-ulimits", kReload, read_ulimits},
    Key{"dns", kReload, read_addresses<&C::dns>},
    Key{"dns-opts", kReload, read_texts<&C::dns_options>},
    Key{"dns-search", kReload, read_texts<&C::dns_search>},
    Key{"exec-root", kRestart, read_path<&C::exec_root>},
    Key{"features", kReload, read_features},
    Key{"fixed-cidr", kRestart, read_network_cidr<&N::fixed_cidr>},
    Key{"fixed-cidr-v6", kRestart, read_network_cidr<&N::fixed_cidr_v6>},
    Key{"group", kRestart, read_text<&C::group>},
    Key{"hosts", kRestart, read_hosts},
    Key{"icc", kRestart, read_network_flag<&N::icc>},
    Key{"init", kReload, read_flag<&C::init>},
    Key{"init-path", kRestart, read_path<&C::init_path>},
    Key{"insecure-registries", kReload, read_texts<&C::insecure_registries>},
    Key{"ip", kRestart, read_network_address<&N::ip>},
    Key{"ip-forward", kRestart, read_network_flag<&N::ip_forward>},
    Key{"ip-masq", kRestart, read_network_flag<&N::ip_masquerade>},
    Key{"ip6tables", kRestart, read_network_flag<&N::ip6tables>},
    Key{"iptables", kRestart, read_network_flag<&N::iptables>},
    Key{"ipv6", kRestart, read_network_flag<&N::ipv6>},
    Key{"labels", kReload, read_labels},
    Key{"live-restore", kReload, read_live_restore},
    Key{"log-driver", kReload, read_choice<&C::log_driver, kLogDrivers>},
    Key{"log-level", kReload, read_choice<&C::log_level, kLogLevels>},
    Key{"log-opts", kReload, read_log_options},
    Key{"max-concurrent-downloads", kReload, read_number<&C::downloads, 1, 64>},
    Key{"max-concurrent-uploads", kReload, read_number<&C::uploads, 1, 64>},
    Key{"max-download-attempts", kReload, read_number<&C::download_attempts, 1, 100>},
    Key{"metrics-addr", kRestart, read_metrics_address},
    Key{"mtu", kRestart, read_mtu},
    Key{"no-new-privileges", kReload, read_flag<&C::no_new_privileges>},
    Key{"pinned-images", kReload, read_texts<&C::pinned_images>},
    Key{"proxies", kRestart, read_proxies},
    Key{"registry-mirrors", kReload, read_mirrors},
    Key{"runtimes", kRestart, read_runtimes},
    Key{"seccomp-profile", kReload, read_seccomp_profile},
    Key{"shutdown-timeout", kReload, read_number<&C::shutdown_timeout, 0, 3600>},
    Key{"storage-driver", kRestart, read_storage_driver},
    Key{"storage-opts", kRestart, read_storage_options},
    Key{"tls", kRestart, read_tls},
    Key{"tlscacert", kRestart, read_path<&C::tls_authorities>},
    Key{"tlscert", kRestart, read_path<&C::tls_certificate>},
    Key{"tlskey", kRestart, read_path<&C::tls_key>},
    Key{"tlsverify", kRestart, read_flag<&C::tls_verify>},
    Key{"userland-proxy", kRestart, read_network_flag<&N::userland_proxy>},
    Key{"userns-remap", kRestart, read_text<&C::userns_remap>},
};

// A value's text, the same for the same value however it is laid out.
std::string rendered(const YamlNode &node) {
    std::string text;
    if (const auto members = node.members(); members.has_value()) {
        for (const auto &[name, value] : *members) {
            text += quote(name) + ":" + rendered(value) + ",";
        }
        return "{" + text + "}";
    }
    if (const auto items = node.items(); items.has_value()) {
        for (const YamlNode &item : *items) {
            text += rendered(item) + ",";
        }
        return "[" + text + "]";
    }
    return quote(node.as_string().value_or(""));
}

Status check_together(const YamlNode &root, const EngineConfig &config) {
    const bool by_tcp =
        std::ranges::any_of(config.hosts, [](const std::string &host) { return host.starts_with("tcp://"); });
    if (config.tls && !config.tls_verify && by_tcp) {
        return wrong_at(root, "tls",
                        "takes \"tlsverify\": true as well: without it whoever reached the port would be root");
    }
    for (const std::string &host : config.hosts) {
        if (Status allowed = check_host(host, config.tls_verify); !allowed) {
            return wrong_at(root, "hosts", allowed.error().message);
        }
    }
    return {};
}

Result<EngineConfig> read_known(const YamlNode &root) {
    std::array<const char *, kKeys.size()> names{};
    std::ranges::transform(kKeys, names.begin(), &Key::name);
    TRY(refuse_unknown(root, names));
    EngineConfig config;
    for (const auto &[name, value] : TRY(root.members())) {
        const auto *key = std::ranges::find(kKeys, name, [](const Key &each) { return std::string_view(each.name); });
        TRY(key->read(root, key->name, config));
        config.given[name] = rendered(value);
    }
    TRY(check_together(root, config));
    return config;
}

// Messages may quote the file: they are one line, and steer no terminal.
template <typename T>
Result<T> printable(Result<T> result) {
    constexpr std::size_t kLongest = 1000;
    if (!result.has_value()) {
        std::string &message = result.error().message;
        message = escaped(message);
        if (message.size() > kLongest) {
            message.resize(kLongest);
            message += "...";
        }
    }
    return result;
}

} // namespace

Result<EngineConfig> load_engine_config(const std::filesystem::path &file) {
    Result<YamlNode> root = YamlNode::load(file);
    if (!root.has_value() && root.error().code == ENOENT) {
        return EngineConfig();
    }
    return printable(read_known(TRY(printable(std::move(root)))));
}

Result<EngineConfig> parse_engine_config(const std::string &text, const std::string &name) {
    return printable(read_known(TRY(printable(YamlNode::parse(text, name)))));
}

Status check_host(const std::string &host, bool tls_verify) {
    const std::optional<AddressAndPort> tcp =
        host.starts_with("tcp://") ? parse_address_and_port(host.substr(6)) : std::nullopt;
    if (tcp && !tcp->is_loopback && !tls_verify) {
        return fail(EPERM, "has " + quote(host) +
                               ": whoever reached it would be root; use the socket through ssh (docker -H ssh://...), "
                               "or TLS with client certificates (\"tlsverify\")");
    }
    return {};
}

std::vector<KeyInfo> engine_config_keys() {
    std::vector<KeyInfo> keys;
    for (const Key &key : kKeys) {
        keys.push_back({key.name, key.effect});
    }
    return keys;
}

Changes changed_keys(const EngineConfig &before, const EngineConfig &after) {
    Changes changes;
    for (const Key &key : kKeys) {
        const auto old_value = before.given.find(key.name);
        const auto new_value = after.given.find(key.name);
        const bool was = old_value != before.given.end();
        const bool is = new_value != after.given.end();
        if (was != is || (was && old_value->second != new_value->second)) {
            (key.effect == Effect::kReload ? changes.reloaded : changes.needing_restart).emplace_back(key.name);
        }
    }
    return changes;
}

} // namespace ballast::config
