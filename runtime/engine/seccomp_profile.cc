// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/seccomp_profile.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/json/json_cursor.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kDefaultProfile[] = {
#include <seccomp_default.inc>
};

// The names of Go, which profiles use, and those of libseccomp.
constexpr std::array kArchitectures = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"amd64", "SCMP_ARCH_X86_64"}, {"arm64", "SCMP_ARCH_AARCH64"}, {"riscv64", "SCMP_ARCH_RISCV64"}});

std::string_view own_architecture(const SeccompFacts &facts) {
    const auto *found =
        std::ranges::find(kArchitectures, facts.architecture, &decltype(kArchitectures)::value_type::first);
    return found == kArchitectures.end() ? std::string_view() : found->second;
}

bool kernel_is_older(const std::string &wanted, const SeccompFacts &facts) {
    unsigned major = 0, minor = 0;
    if (std::sscanf(wanted.c_str(), "%u.%u", &major, &minor) != 2) {
        return false;
    }
    return std::pair(facts.kernel_major, facts.kernel_minor) < std::pair(major, minor);
}

bool has_any(const Texts &wanted, const Texts &have) {
    return std::ranges::any_of(wanted, [&have](const std::string &one) { return std::ranges::contains(have, one); });
}

bool has_all(const Texts &wanted, const Texts &have) {
    return std::ranges::all_of(wanted, [&have](const std::string &one) { return std::ranges::contains(have, one); });
}

// As Docker's seccomp package: an include needs all capabilities, an exclude any of them.
bool holds(const JsonCursor &rule, const SeccompFacts &facts) {
    const JsonCursor includes = rule.at("includes"), excludes = rule.at("excludes");
    const Texts architectures = includes.at("arches").texts();
    const Texts capabilities = includes.at("caps").texts();
    const std::string kernel = includes.at("minKernel").text();
    const std::string excluded_kernel = excludes.at("minKernel").text();
    if (has_any(excludes.at("arches").texts(), {facts.architecture}) ||
        has_any(excludes.at("caps").texts(), facts.capabilities) ||
        (!excluded_kernel.empty() && !kernel_is_older(excluded_kernel, facts))) {
        return false;
    }
    return (architectures.empty() || has_any(architectures, {facts.architecture})) &&
           has_all(capabilities, facts.capabilities) && (kernel.empty() || !kernel_is_older(kernel, facts));
}

Json arguments_of(const JsonCursor &rule) {
    Json arguments = Json::array();
    for (const JsonCursor argument : rule.at("args").items()) {
        arguments.push_back({{"index", argument.at("index").number<std::uint32_t>(0, 5)},
                             {"value", argument.at("value").number<std::uint64_t>()},
                             {"valueTwo", argument.at("valueTwo").number<std::uint64_t>()},
                             {"op", argument.at("op").text()}});
    }
    return arguments;
}

Json rule_of(const JsonCursor &rule) {
    Texts names = rule.at("names").texts();
    if (const JsonCursor name = rule.at("name"); name.given()) {
        names.push_back(name.text()); // older profiles
    }
    if (names.empty()) {
        rule.fail("names no system call");
    }
    Json json = {{"names", names}, {"action", rule.need("action").text()}};
    if (const auto number = rule.at("errnoRet").optional_number<std::uint32_t>()) {
        json["errnoRet"] = *number;
    }
    if (Json arguments = arguments_of(rule); !arguments.empty()) {
        json["args"] = std::move(arguments);
    }
    return json;
}

Texts architectures_of(const JsonCursor &root, const SeccompFacts &facts) {
    Texts result = root.at("architectures").texts();
    for (const JsonCursor entry : root.at("archMap").items()) {
        if (entry.at("architecture").view() == own_architecture(facts)) {
            result.push_back(entry.at("architecture").text());
            std::ranges::copy(entry.at("subArchitectures").texts(), std::back_inserter(result));
        }
    }
    return result;
}

} // namespace

std::string_view default_seccomp_profile() { return {kDefaultProfile, sizeof kDefaultProfile}; }

Result<Json> resolve_seccomp(std::string_view profile, const SeccompFacts &facts) {
    const std::string name = "Decoding seccomp profile failed";
    JsonDocument document = TRY(JsonDocument::parse(profile, name));
    const JsonCursor root(document);
    Json json = {{"defaultAction", root.need("defaultAction").text()}};
    if (const auto number = root.at("defaultErrnoRet").optional_number<std::uint32_t>()) {
        json["defaultErrnoRet"] = *number;
    }
    if (Texts architectures = architectures_of(root, facts); !architectures.empty()) {
        json["architectures"] = std::move(architectures);
    }
    if (Texts flags = root.at("flags").texts(); !flags.empty()) {
        json["flags"] = std::move(flags);
    }
    if (const JsonCursor listener = root.at("listenerPath"); listener.given()) {
        listener.fail("a container's system calls cannot be handed to a listener");
    }
    json["syscalls"] = Json::array();
    for (const JsonCursor rule : root.at("syscalls").items()) {
        if (holds(rule, facts)) {
            json["syscalls"].push_back(rule_of(rule));
        }
    }
    TRY(document.status());
    return json;
}

} // namespace ballast::engine
