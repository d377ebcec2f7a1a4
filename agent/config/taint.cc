// SPDX-License-Identifier: Apache-2.0
#include "agent/config/taint.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::size_t kLongestPrefix = 253;

bool is_alphanumeric(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0; }

// Begins and ends with a letter or digit; in between `also` may stand, too.
bool is_word(std::string_view text, std::string_view also) {
    return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || also.contains(c); });
}

bool is_prefix(std::string_view text) {
    return text.size() <= kLongestPrefix && is_word(text, "-.") &&
           std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::vector<std::string_view> parts_of(std::string_view text) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        if (comma > 0) {
            parts.push_back(text.substr(0, comma));
        }
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

bool below(std::string_view prefix, std::string_view domain) {
    return prefix == domain || (prefix.ends_with(domain) && prefix[prefix.size() - domain.size() - 1] == '.');
}

// What kubelet lets a node say about itself below kubernetes.io and k8s.io.
bool may_say(std::string_view key) {
    constexpr std::array kAllowed = std::to_array<std::string_view>(
        {"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/arch",
         "beta.kubernetes.io/os", "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type",
         "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
         "failure-domain.kubernetes.io/zone", "failure-domain.kubernetes.io/region", "topology.kubernetes.io/zone",
         "topology.kubernetes.io/region"});
    const std::size_t slash = key.find('/');
    const std::string_view prefix = slash == std::string_view::npos ? "" : key.substr(0, slash);
    const bool reserved = below(prefix, "kubernetes.io") || below(prefix, "k8s.io");
    return !reserved || below(prefix, "node.kubernetes.io") || below(prefix, "kubelet.kubernetes.io") ||
           std::ranges::contains(kAllowed, key);
}

} // namespace

bool is_taint_effect(std::string_view effect) {
    return effect == "NoSchedule" || effect == "PreferNoSchedule" || effect == "NoExecute";
}

bool is_qualified_name(std::string_view name) {
    if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
        if (!is_prefix(name.substr(0, slash))) {
            return false;
        }
        name.remove_prefix(slash + 1);
    }
    return name.size() <= kLongestName && is_word(name, "-_.");
}

bool is_label_value(std::string_view value) {
    return value.empty() || (value.size() <= kLongestName && is_word(value, "-_."));
}

Result<std::vector<Taint>> parse_taints(std::string_view text) {
    std::vector<Taint> taints;
    for (const std::string_view part : parts_of(text)) {
        const std::size_t colon = part.rfind(':');
        const std::string_view name = part.substr(0, std::min(colon, part.size()));
        const std::size_t equals = std::min(name.find('='), name.size());
        Taint taint{.key = std::string(name.substr(0, equals)),
                    .value = std::string(name.substr(std::min(equals + 1, name.size()))),
                    .effect = colon == std::string_view::npos ? "" : std::string(part.substr(colon + 1))};
        if (!is_qualified_name(taint.key) || !is_label_value(taint.value) || !is_taint_effect(taint.effect)) {
            return fail(EINVAL, "taint " + quote(part) +
                                    ": want KEY=VALUE:EFFECT with NoSchedule, PreferNoSchedule or NoExecute");
        }
        taints.push_back(std::move(taint));
    }
    return taints;
}

Result<Labels> parse_node_labels(std::string_view text) {
    Labels labels;
    for (const std::string_view part : parts_of(text)) {
        const std::size_t equals = part.find('=');
        const std::string_view key = part.substr(0, std::min(equals, part.size()));
        const std::string_view value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
        if (equals == std::string_view::npos || !is_qualified_name(key) || !is_label_value(value)) {
            return fail(EINVAL, "node label " + quote(part) + ": want KEY=VALUE");
        }
        if (!may_say(key)) {
            return fail(EPERM, "node label " + quote(key) +
                                   ": a node may not give itself labels of kubernetes.io and " +
                                   "k8s.io but those of node.kubernetes.io and kubelet.kubernetes.io");
        }
        labels.insert_or_assign(std::string(key), std::string(value));
    }
    return labels;
}

} // namespace ballast::agent
