// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/spec_names.h"
#include "runtime/oci/spec_parts.h"

namespace ballast::oci {
namespace {

constexpr std::string_view kNotify = "SCMP_ACT_NOTIFY";

// An action and the errno that goes with it. Some take none, and to drop one silently would be another filter than the
// one asked for.
std::string read_action(const JsonCursor &from, const char *action_name, const char *errno_name,
                        std::optional<unsigned> &errno_value) {
    JsonCursor action = from.need(action_name);
    const NamedNumber *known = action.one_of(seccomp_actions(), "an action");
    if (known == nullptr) {
        return {};
    }
    JsonCursor number = from.at(errno_name);
    if (number.given() && known->number == 0) {
        number.refuse("none with " + std::string(known->name));
    }
    errno_value = number.optional_number<unsigned>(0, static_cast<unsigned>(known->number));
    return std::string(known->name);
}

SeccompArgument read_argument(const JsonCursor &from) {
    constexpr unsigned kLastArgument = 5;
    SeccompArgument argument;
    argument.index = from.need("index").number<unsigned>(0, kLastArgument);
    argument.value = from.need("value").number<std::uint64_t>();
    argument.value_two = from.at("valueTwo").number<std::uint64_t>();
    if (const NamedNumber *known = from.need("op").one_of(seccomp_operators(), "an operator"); known != nullptr) {
        argument.op = known->name;
    }
    return argument;
}

SeccompRule read_rule(const JsonCursor &from) {
    SeccompRule rule;
    JsonCursor names = from.need("names");
    rule.names = names.texts();
    if (names.given() && rule.names.empty()) {
        names.fail("want at least one item, have none");
    }
    rule.action = read_action(from, "action", "errnoRet", rule.errno_ret);
    JsonCursor::Children arguments = from.at("args").items();
    rule.args.reserve(arguments.size());
    for (JsonCursor item : arguments) {
        rule.args.push_back(read_argument(item));
    }
    return rule;
}

} // namespace

void read_seccomp(const JsonCursor &from, Seccomp &seccomp) {
    seccomp.default_action = read_action(from, "defaultAction", "defaultErrnoRet", seccomp.default_errno_ret);
    if (seccomp.default_action == kNotify) {
        // Every call that hands the listener over would wait for who listens.
        from.at("defaultAction").refuse("an action other than SCMP_ACT_NOTIFY");
    }
    for (JsonCursor item : from.at("architectures").items()) {
        const NamedNumber *known = item.one_of(seccomp_architectures(), "an architecture");
        seccomp.architectures.emplace_back(known == nullptr ? "" : known->name);
    }
    for (JsonCursor item : from.at("flags").items()) {
        const NamedNumber *known = item.one_of(seccomp_flags(), "a flag of seccomp(2)");
        seccomp.flags.emplace_back(known == nullptr ? "" : known->name);
    }
    JsonCursor listener = from.at("listenerPath");
    if (!listener.view().empty()) {
        seccomp.listener_path = listener.absolute_path();
    }
    JsonCursor metadata = from.at("listenerMetadata");
    seccomp.listener_metadata = metadata.text();
    if (!seccomp.listener_metadata.empty() && seccomp.listener_path.empty()) {
        metadata.fail("needs listenerPath");
    }
    JsonCursor::Children rules = from.at("syscalls").items();
    seccomp.syscalls.reserve(rules.size());
    for (JsonCursor item : rules) {
        seccomp.syscalls.push_back(read_rule(item));
        if (seccomp.syscalls.back().action == kNotify && seccomp.listener_path.empty()) {
            item.at("action").fail("SCMP_ACT_NOTIFY needs listenerPath");
        }
    }
}

} // namespace ballast::oci
