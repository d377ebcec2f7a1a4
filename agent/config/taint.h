// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What a node is registered with, as kubelet's flags write it.
namespace ballast::agent {

struct Taint {
    std::string key, value, effect;
    bool operator==(const Taint &) const = default;
};

using Labels = std::map<std::string, std::string>;

// NoSchedule, PreferNoSchedule or NoExecute.
bool is_taint_effect(std::string_view effect);

// "key=value:effect,key:effect". EINVAL says which part is wrong.
Result<std::vector<Taint>> parse_taints(std::string_view text);
// "key=value,key=value". Labels of kubernetes.io that a node must not give itself are EPERM, as the API server has it.
Result<Labels> parse_node_labels(std::string_view text);

// A qualified name: an optional DNS prefix and "/", then at most 63 letters, digits, '-', '_' and '.'.
bool is_qualified_name(std::string_view name);
bool is_label_value(std::string_view value);

} // namespace ballast::agent
