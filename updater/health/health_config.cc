// SPDX-License-Identifier: Apache-2.0
#include "updater/health/health_config.h"

#include <algorithm>
#include <utility>

#include "base/quote.h"
#include "base/yaml.h"

namespace ballast::updater::health {
namespace {

constexpr const char *kChecks = "checks";
constexpr const char *kIgnoredUnits = "ignore-units";

constexpr std::array kWeights = std::to_array<std::pair<std::string_view, Weight>>({
    {"required", Weight::kRequired},
    {"wanted", Weight::kWanted},
    {"off", Weight::kOff},
});

struct Time {
    const char *key;
    std::chrono::seconds HealthConfig::*member;
    long long least, most; // seconds
};
constexpr std::array kTimes = std::to_array<Time>({
    {"script-seconds", &HealthConfig::script_time, 1, 3600},
    {"settle-seconds", &HealthConfig::settle_time, 0, 600},
    {"wait-seconds", &HealthConfig::wait_time, 0, 3600},
    {"workload-seconds", &HealthConfig::workload_time, 0, 3600},
});

std::unexpected<Error> wrong(const YamlNode &node, const std::string &what) {
    return fail(EINVAL, node.where() + ": " + what);
}

Status read_weights(const YamlNode &root, HealthConfig &config) {
    for (const auto &[name, value] : TRY(TRY(root.at(kChecks)).members())) {
        if (!std::ranges::contains(kBuiltIn, name)) {
            return wrong(value, "there is no check " + quote(name) +
                                    ": there are engine, agent, network, clock, source, units and workloads");
        }
        const std::string text = TRY(value.as_string());
        const auto *weight = std::ranges::find(kWeights, text, &std::pair<std::string_view, Weight>::first);
        if (weight == kWeights.end()) {
            return wrong(value, "a check is required, wanted or off, not " + quote(text));
        }
        config.weights.insert_or_assign(name, weight->second);
    }
    return {};
}

Result<HealthConfig> read(const YamlNode &root) {
    HealthConfig config;
    TRY(root.allow_only({kChecks, kIgnoredUnits, kTimes[0].key, kTimes[1].key, kTimes[2].key, kTimes[3].key}));
    if (root.has(kChecks)) {
        TRY(read_weights(root, config));
    }
    config.ignored_units = TRY(root.strings_or_empty(kIgnoredUnits));
    for (const Time &time : kTimes) {
        const long long seconds = TRY(root.integer_or(time.key, (config.*time.member).count(), time.least, time.most));
        config.*time.member = std::chrono::seconds(seconds);
    }
    return config;
}

} // namespace

Weight HealthConfig::weight(std::string_view check) const {
    if (const auto own = weights.find(check); own != weights.end()) {
        return own->second;
    }
    return check == "source" ? Weight::kWanted : Weight::kRequired;
}

Result<HealthConfig> parse_health_config(const std::string &text, const std::string &name) {
    return read(TRY(YamlNode::parse(text, name)));
}

Result<HealthConfig> load_health_config(const std::filesystem::path &file) {
    const Result<YamlNode> root = YamlNode::load(file);
    if (!root.has_value() && root.error().code == ENOENT) {
        return HealthConfig();
    }
    return read(TRY(root));
}

std::vector<std::string_view> health_config_keys() {
    std::vector<std::string_view> keys{kChecks, kIgnoredUnits};
    for (const Time &time : kTimes) {
        keys.emplace_back(time.key);
    }
    std::ranges::sort(keys);
    return keys;
}

} // namespace ballast::updater::health
