// SPDX-License-Identifier: Apache-2.0
#include "updater/updater_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/http/url.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/yaml.h"

namespace ballast::updater {
namespace {

using namespace std::chrono_literals;

constexpr std::array kStrategies = std::to_array<std::pair<std::string_view, Strategy>>({
    {"manual", Strategy::kManual},
    {"immediate", Strategy::kImmediate},
    {"window", Strategy::kWindow},
    {"lock", Strategy::kLock},
});

std::unexpected<Error> wrong(const YamlNode &node, const std::string &what) {
    return fail(EINVAL, node.where() + ": " + what);
}

std::unexpected<Error> wrong_at(const YamlNode &node, const char *key, const std::string &what) {
    const Result<YamlNode> value = node.at(key);
    return wrong(value.has_value() ? *value : node, "\"" + std::string(key) + "\" " + what);
}

Status check_url(const YamlNode &node, const char *key, const std::string &url) {
    if (const Result<http::Url> parsed = http::parse_url(url); !parsed.has_value()) {
        return wrong_at(node, key, "has " + quote(url) + ": " + parsed.error().message);
    }
    return {};
}

Result<std::filesystem::path> path_at(const YamlNode &node, const char *key) {
    std::string path = TRY(node.string_or(key, ""));
    if (node.has(key) && !path.starts_with('/')) {
        return wrong_at(node, key, "must be an absolute path");
    }
    return path;
}

Result<std::chrono::seconds> duration_at(const YamlNode &node, const char *key, std::chrono::seconds otherwise,
                                         std::chrono::seconds least, std::chrono::seconds most) {
    if (!node.has(key)) {
        return otherwise;
    }
    const std::optional<std::chrono::seconds> duration = parse_duration(TRY(node.string(key)));
    if (!duration || *duration < least || *duration > most) {
        return wrong_at(node, key,
                        "must be a time like 30s, 15min, 6h or 1d, from " + duration_text(least) + " to " +
                            duration_text(most));
    }
    return *duration;
}

Status read_strategy(const YamlNode &root, const char *key, UpdaterConfig &config) {
    const std::string name = TRY(root.string(key));
    const auto *found = std::ranges::find(kStrategies, name, &std::pair<std::string_view, Strategy>::first);
    if (found == kStrategies.end()) {
        return wrong_at(root, key, "must be one of manual, immediate, window, lock");
    }
    config.strategy = found->second;
    return {};
}

Status read_check_interval(const YamlNode &root, const char *key, UpdaterConfig &config) {
    config.check_interval = TRY(duration_at(root, key, config.check_interval, 15min, std::chrono::days(30)));
    return {};
}

Status read_urls(const YamlNode &root, const char *key, UpdaterConfig &config) {
    config.urls = TRY(root.strings_or_empty(key));
    for (std::string &url : config.urls) {
        TRY(check_url(root, key, url));
        while (url.ends_with('/')) {
            url.pop_back();
        }
    }
    return {};
}

Status read_proxy(const YamlNode &root, const char *key, UpdaterConfig &config) {
    config.proxy = TRY(root.string(key));
    return config.proxy.empty() ? Status() : check_url(root, key, config.proxy);
}

Status read_tls(const YamlNode &root, const char *key, UpdaterConfig &config) {
    const YamlNode tls = TRY(root.at(key));
    TRY(tls.allow_only({"authorities", "certificate", "key"}));
    config.tls = {.authorities = TRY(path_at(tls, "authorities")),
                  .certificate = TRY(path_at(tls, "certificate")),
                  .key = TRY(path_at(tls, "key"))};
    if (config.tls.certificate.empty() != config.tls.key.empty()) {
        return wrong_at(root, key, "needs \"certificate\" and \"key\" together");
    }
    return {};
}

Status read_keys(const YamlNode &root, const char *key, UpdaterConfig &config) {
    for (const std::string &path : TRY(root.strings_or_empty(key))) {
        if (!path.starts_with('/')) {
            return wrong_at(root, key, "has " + quote(path) + ", which is no absolute path");
        }
        config.keys.emplace_back(path);
    }
    return {};
}

Status read_windows(const YamlNode &root, const char *key, UpdaterConfig &config) {
    for (const YamlNode &node : TRY(TRY(root.at(key)).items())) {
        TRY(node.allow_only({"start", "length"}));
        Window window{.start = TRY(node.string("start")), .length = {}};
        window.length = TRY(duration_at(node, "length", {}, 1min, std::chrono::days(7)));
        if (window.length == 0s) {
            return wrong(node, "\"length\" is missing");
        }
        config.windows.push_back(std::move(window));
    }
    return {};
}

Status read_lock(const YamlNode &root, const char *key, UpdaterConfig &config) {
    const YamlNode lock = TRY(root.at(key));
    TRY(lock.allow_only({"url", "group", "timeout"}));
    config.lock.url = TRY(lock.string("url"));
    TRY(check_url(lock, "url", config.lock.url));
    while (config.lock.url.ends_with('/')) {
        config.lock.url.pop_back();
    }
    config.lock.group = TRY(lock.string_or("group", config.lock.group));
    const bool named = !config.lock.group.empty() && std::ranges::all_of(config.lock.group, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    });
    if (!named) { // FleetLock protocol: ^[a-zA-Z0-9.-]+$
        return wrong_at(lock, "group", "must be letters, digits, '.' and '-'");
    }
    config.lock.timeout = TRY(duration_at(lock, "timeout", config.lock.timeout, 1s, 10min));
    return {};
}

struct Key {
    std::string_view name;
    Status (*read)(const YamlNode &root, const char *key, UpdaterConfig &config);
};

constexpr std::array kKeys = std::to_array<Key>({
    {"check-interval", read_check_interval},
    {"keys", read_keys},
    {"lock", read_lock},
    {"proxy", read_proxy},
    {"strategy", read_strategy},
    {"tls", read_tls},
    {"urls", read_urls},
    {"windows", read_windows},
});

Status check_together(const YamlNode &root, const UpdaterConfig &config) {
    if (config.strategy == Strategy::kWindow && config.windows.empty()) {
        return wrong_at(root, "strategy", "is window, and \"windows\" names none");
    }
    if (config.strategy == Strategy::kLock && config.lock.url.empty()) {
        return wrong_at(root, "strategy", "is lock, and \"lock\" names no server");
    }
    return {};
}

Result<UpdaterConfig> read_known(const YamlNode &root) {
    UpdaterConfig config;
    for (const auto &[name, value] : TRY(root.members())) {
        const auto *key = std::ranges::find(kKeys, name, &Key::name);
        if (key == kKeys.end()) {
            return wrong(value, "unknown key " + quote(name));
        }
        TRY(key->read(root, name.c_str(), config));
    }
    TRY(check_together(root, config));
    return config;
}

// Messages may quote the file: they are one line, and steer no terminal.
template <typename T>
Result<T> printable(Result<T> result) {
    if (!result.has_value()) {
        result.error().message = escaped(result.error().message);
    }
    return result;
}

} // namespace

Result<UpdaterConfig> load_updater_config(const std::filesystem::path &file) {
    Result<YamlNode> root = YamlNode::load(file);
    if (!root.has_value() && root.error().code == ENOENT) {
        return UpdaterConfig();
    }
    return printable(read_known(TRY(printable(std::move(root)))));
}

Result<UpdaterConfig> parse_updater_config(const std::string &text, const std::string &name) {
    return printable(read_known(TRY(printable(YamlNode::parse(text, name)))));
}

UpdaterConfig updater_config_or_defaults(const std::filesystem::path &file) {
    Result<UpdaterConfig> loaded = load_updater_config(file);
    if (loaded.has_value()) {
        return std::move(*loaded);
    }
    UpdaterConfig defaults;
    defaults.mistake = std::move(loaded.error().message);
    return defaults;
}

std::optional<UpdaterConfig> ConfigFile::changed() {
    const FileStamp now = stamp_of(file_); // before it is read: what is written meanwhile is seen the next time
    if (last_ == now) {
        return std::nullopt;
    }
    last_ = now;
    UpdaterConfig config = updater_config_or_defaults(file_);
    if (!config.mistake.empty()) {
        log::error(config.mistake + "; nothing happens by itself until this is corrected");
    }
    return config;
}

std::vector<std::string_view> updater_config_keys() {
    std::vector<std::string_view> names;
    for (const Key &key : kKeys) {
        names.push_back(key.name);
    }
    return names;
}

std::string_view name_of(Strategy strategy) {
    return std::ranges::find(kStrategies, strategy, &std::pair<std::string_view, Strategy>::second)->first;
}

} // namespace ballast::updater
