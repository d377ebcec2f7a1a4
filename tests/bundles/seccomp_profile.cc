// SPDX-License-Identifier: Apache-2.0
#include "tests/bundles/seccomp_profile.h"

#include <algorithm>

namespace ballast::bundles {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Names = std::vector<std::string>;

constexpr const char *kArchitecture = "amd64";

Names names_in(const json &condition, const char *key) {
    const auto found = condition.find(key);
    return found != condition.end() && found->is_array() ? found->get<Names>() : Names();
}

bool applies(const json &rule, const Names &capabilities) {
    const json includes = rule.value("includes", json::object()), excludes = rule.value("excludes", json::object());
    const auto held = [&capabilities](const std::string &name) { return std::ranges::contains(capabilities, name); };
    const Names only = names_in(includes, "arches");
    return (only.empty() || std::ranges::contains(only, kArchitecture)) &&
           std::ranges::all_of(names_in(includes, "caps"), held) &&
           !std::ranges::contains(names_in(excludes, "arches"), kArchitecture) &&
           std::ranges::none_of(names_in(excludes, "caps"), held);
}

ordered_json resolved(const json &rule) {
    ordered_json out = {{"names", rule.at("names")}, {"action", rule.at("action")}};
    if (rule.contains("errnoRet")) {
        out["errnoRet"] = rule["errnoRet"];
    }
    if (rule.contains("args") && rule["args"].is_array() && !rule["args"].empty()) {
        out["args"] = rule["args"];
    }
    return out;
}

} // namespace

Result<ordered_json> resolve_profile(const std::string &text, const Names &capabilities) {
    const json profile = json::parse(text, nullptr, false);
    if (!profile.is_object() || !profile.contains("defaultAction") || !profile.contains("syscalls")) {
        return fail(EINVAL, "this is no seccomp profile");
    }
    ordered_json out = {{"defaultAction", profile["defaultAction"]}};
    if (profile.contains("defaultErrnoRet")) {
        out["defaultErrnoRet"] = profile["defaultErrnoRet"];
    }
    out["architectures"] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    out["syscalls"] = ordered_json::array();
    for (const json &rule : profile["syscalls"]) {
        if (applies(rule, capabilities)) {
            out["syscalls"].push_back(resolved(rule));
        }
    }
    return out;
}

} // namespace ballast::bundles
