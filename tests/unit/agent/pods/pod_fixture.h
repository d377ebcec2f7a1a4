// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <format>
#include <string>

#include "agent/pods/read_pod.h"
#include "base/yaml.h"
#include "tests/unit/check.h"

namespace ballast::agent::tests {

// A pod of that name from the members of its specification, as YAML with two blanks in front.
inline Pod pod_of(const std::string &spec, const std::string &name = "web") {
    const std::string text = std::format("apiVersion: v1\nkind: Pod\nmetadata: {{name: {}, namespace: default, uid: "
                                         "u-1, labels: {{app: shop}}}}\nspec:\n{}",
                                         name, spec);
    return must(read_pod(must(must(YamlNode::parse(text, "pod")).json()), "pod"));
}

} // namespace ballast::agent::tests
