// SPDX-License-Identifier: Apache-2.0
#include "agent/config/upkeep_config.h"

#include <limits>

#include "agent/pods/quantity.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr long long kMost = std::numeric_limits<int>::max();
constexpr long long kAll = 100; // percent

Field bytes_field(std::string_view name, long long &to) {
    return {name, [name, &to](const YamlNode &value) -> Status {
                const std::string text = TRY(value.as_string());
                if (text.empty()) {
                    return {};
                }
                const Result<long long> bytes = log_bytes_of(text);
                if (!bytes.has_value()) {
                    return wrong(value, "\"" + std::string(name) + "\": " + bytes.error().message);
                }
                to = *bytes;
                return {};
            }};
}

} // namespace

Result<long long> log_bytes_of(const std::string &text) {
    const bool negative = text.starts_with('-'); // kubelet's way to say: never
    const auto amount = Quantity::parse(negative ? text.substr(1) : text);
    if (!amount) {
        return fail(EINVAL, "want an amount like 10Mi, not " + quote(text));
    }
    return negative ? -1 : amount->whole();
}

std::vector<Field> upkeep_fields(UpkeepConfig &config) {
    return {bytes_field("containerLogMaxSize", config.log_bytes),
            number_field("containerLogMaxFiles", config.log_files, 2, kMost),
            number_field("containerLogMaxWorkers", config.log_workers, 1, kMost),
            duration_field("containerLogMonitorInterval", config.log_period),
            number_field("imageGCHighThresholdPercent", config.image_high, 0, kAll),
            number_field("imageGCLowThresholdPercent", config.image_low, 0, kAll),
            duration_field("imageMinimumGCAge", config.image_least_age),
            duration_field("imageMaximumGCAge", config.image_most_age)};
}

Status check(const UpkeepConfig &config) {
    if (config.log_files < 2) {
        return fail(EINVAL, "containerLogMaxFiles: want 2 at least");
    }
    if (config.log_period < std::chrono::seconds(3)) {
        return fail(EINVAL, "containerLogMonitorInterval: want 3s at least");
    }
    const bool percents = config.image_low >= 0 && config.image_high <= kAll;
    if (!percents || config.image_low >= config.image_high) {
        return fail(EINVAL,
                    "imageGCLowThresholdPercent: want less than imageGCHighThresholdPercent, both from 0 to 100");
    }
    if (config.image_most_age.count() != 0 && config.image_most_age <= config.image_least_age) {
        return fail(EINVAL, "imageMaximumGCAge: want more than imageMinimumGCAge, or 0");
    }
    return {};
}

} // namespace ballast::agent
