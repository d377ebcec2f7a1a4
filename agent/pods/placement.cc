// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/placement.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "agent/pods/quantity.h"
#include "base/json/json_cursor.h"
#include "base/json/json_take.h"

namespace ballast::agent {
namespace {

using Labels = std::map<std::string, std::string>;

bool is_beyond(const NodeRequirement &wanted, std::string_view value) {
    const auto there = number_in(value);
    const auto bound = wanted.values.size() == 1 ? number_in(wanted.values.front()) : std::nullopt;
    return there && bound && (wanted.op == "Gt" ? *there > *bound : *there < *bound);
}

bool is_met(const NodeRequirement &wanted, const Labels &labels) {
    const auto found = labels.find(wanted.key);
    const bool there = found != labels.end();
    if (wanted.op == "Exists" || wanted.op == "DoesNotExist") {
        return there == (wanted.op == "Exists");
    }
    if (wanted.op == "Gt" || wanted.op == "Lt") {
        return there && is_beyond(wanted, found->second);
    }
    const bool among = there && std::ranges::contains(wanted.values, found->second);
    return wanted.op == "In" ? among : wanted.op == "NotIn" && !among;
}

void read_requirement(const JsonCursor &from, NodeRequirement &to) {
    to.key = from.need("key").text();
    to.op = from.need("operator").text();
    take(from.at("values"), to.values);
}

} // namespace

bool tolerates(const std::vector<Toleration> &tolerations, std::string_view key, std::string_view value,
               std::string_view effect) {
    return std::ranges::any_of(tolerations, [&](const Toleration &toleration) {
        return (toleration.effect.empty() || toleration.effect == effect) &&
               (toleration.key.empty() || toleration.key == key) &&
               (toleration.op == "Exists" ||
                ((toleration.op.empty() || toleration.op == "Equal") && toleration.value == value));
    });
}

bool is_met(const NodeTerm &term, const std::string &node_name, const Labels &labels) {
    const Labels fields = {{"metadata.name", node_name}};
    return !(term.labels.empty() && term.fields.empty()) &&
           std::ranges::all_of(term.labels, [&](const auto &wanted) { return is_met(wanted, labels); }) &&
           std::ranges::all_of(term.fields, [&](const auto &wanted) { return is_met(wanted, fields); });
}

void read_toleration(const JsonCursor &from, Toleration &to) {
    take(from.at("key"), to.key);
    take(from.at("operator"), to.op);
    take(from.at("value"), to.value);
    take(from.at("effect"), to.effect);
}

void read_node_term(const JsonCursor &from, NodeTerm &to) {
    take_list(from.at("matchExpressions"), to.labels, read_requirement);
    take_list(from.at("matchFields"), to.fields, read_requirement);
}

} // namespace ballast::agent
