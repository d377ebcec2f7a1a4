// SPDX-License-Identifier: Apache-2.0
#include "agent/server/attributes.h"

#include <algorithm>
#include <array>

namespace ballast::agent {
namespace {

bool is_below(std::string_view path, std::string_view root) {
    return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

std::string verb_of(std::string_view method, std::string_view path) {
    constexpr std::array<std::string_view, 4> kActions = {"/exec", "/attach", "/portForward", "/run"};
    if (std::ranges::any_of(kActions, [path](std::string_view action) { return is_below(path, action); })) {
        return "create";
    }
    if (method == "GET" || method == "HEAD") {
        return "get";
    }
    return method == "PUT" ? "update" : method == "PATCH" ? "patch" : method == "DELETE" ? "delete" : "create";
}

} // namespace

Attributes attributes_of(std::string_view method, std::string_view path) {
    struct Part {
        std::string_view path, subresource;
        bool also_proxy; // once it was no more than a part of that
    };
    constexpr auto kParts = std::to_array<Part>({{"/stats", "stats", false},
                                                 {"/metrics", "metrics", false},
                                                 {"/logs", "log", false},
                                                 {"/checkpoint", "checkpoint", false},
                                                 {"/pods", "pods", true},
                                                 {"/runningpods", "pods", true},
                                                 {"/healthz", "healthz", true},
                                                 {"/configz", "configz", true}});
    Attributes attributes{.verb = verb_of(method, path), .subresources = {}};
    const auto part = std::ranges::find_if(kParts, [path](const Part &one) { return is_below(path, one.path); });
    if (part != kParts.end()) {
        attributes.subresources.emplace_back(part->subresource);
    }
    if (part == kParts.end() || part->also_proxy) {
        attributes.subresources.emplace_back("proxy");
    }
    return attributes;
}

} // namespace ballast::agent
