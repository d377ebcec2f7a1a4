// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/read_pod.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/json/json_take.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr std::array kRestartPolicies =
    std::to_array<NamedNumber>({{"Always", static_cast<std::uint64_t>(RestartPolicy::kAlways)},
                                {"OnFailure", static_cast<std::uint64_t>(RestartPolicy::kOnFailure)},
                                {"Never", static_cast<std::uint64_t>(RestartPolicy::kNever)}});

void read_metadata(const JsonCursor &from, Pod &pod) {
    take(from.at("name"), pod.name);
    take(from.at("namespace"), pod.name_space);
    take(from.at("uid"), pod.uid);
    take(from.at("labels"), pod.labels);
    take(from.at("annotations"), pod.annotations);
}

void read_dns(const JsonCursor &from, Pod &pod) {
    take(from.at("dnsPolicy"), pod.dns_policy);
    const JsonCursor config = from.at("dnsConfig");
    if (!config.given()) {
        return;
    }
    DnsConfig &dns = pod.dns.emplace();
    take(config.at("nameservers"), dns.servers);
    take(config.at("searches"), dns.searches);
    take_list(config.at("options"), dns.options, [](const JsonCursor &option, std::string &to) {
        to = option.need("name").text();
        if (const JsonCursor value = option.at("value"); value.given()) {
            to += ":" + value.text();
        }
    });
}

void read_host(const JsonCursor &from, Pod &pod) {
    take(from.at("hostNetwork"), pod.host_network);
    take(from.at("hostPID"), pod.host_pid);
    take(from.at("hostIPC"), pod.host_ipc);
    take(from.at("shareProcessNamespace"), pod.share_processes);
    take(from.at("hostname"), pod.hostname);
    take(from.at("subdomain"), pod.subdomain);
    take(from.at("setHostnameAsFQDN"), pod.fqdn_as_hostname);
    take_list(from.at("hostAliases"), pod.host_aliases, [](const JsonCursor &alias, HostAlias &to) {
        to.address = alias.need("ip").text();
        take(alias.at("hostnames"), to.names);
    });
}

void read_init_container(const JsonCursor &from, Container &to) {
    read_container(from, to);
    const JsonCursor policy = from.at("restartPolicy");
    to.sidecar = policy.view() == "Always";
    if (policy.given() && !to.sidecar) {
        policy.refuse("Always, or none at all");
    }
}

void read_ephemeral_container(const JsonCursor &from, Container &to) {
    read_container(from, to);
    take(from.at("targetContainerName"), to.target);
}

void read_spec(const JsonCursor &from, Pod &pod) {
    take_list(from.at("initContainers"), pod.init_containers, read_init_container);
    take_list(from.at("containers"), pod.containers, read_container);
    take_list(from.at("ephemeralContainers"), pod.ephemeral_containers, read_ephemeral_container);
    take_list(from.at("volumes"), pod.volumes, read_volume);
    if (const NamedNumber *policy = from.at("restartPolicy").one_of(kRestartPolicies, "restart policies")) {
        pod.restart_policy = static_cast<RestartPolicy>(policy->number);
    }
    take(from.at("terminationGracePeriodSeconds"), pod.grace);
    take(from.at("activeDeadlineSeconds"), pod.active_deadline);
    read_dns(from, pod);
    read_host(from, pod);
    read_pod_security(from.at("securityContext"), pod.security);
    take(from.at("serviceAccountName"), pod.service_account);
    take_list(from.at("imagePullSecrets"), pod.pull_secrets,
              [](const JsonCursor &secret, std::string &to) { take(secret.at("name"), to); });
    take(from.at("enableServiceLinks"), pod.service_links);
    take(from.at("runtimeClassName"), pod.runtime_class);
    take(from.at("os").at("name"), pod.operating_system);
    take(from.at("priority"), pod.priority);
    take(from.at("priorityClassName"), pod.priority_class);
    take(from.at("nodeSelector"), pod.node_selector);
    take_list(from.at("tolerations"), pod.tolerations, read_toleration);
    const JsonCursor required =
        from.at("affinity").at("nodeAffinity").at("requiredDuringSchedulingIgnoredDuringExecution");
    if (required.given()) {
        take_list(required.at("nodeSelectorTerms"), pod.node_terms.emplace(), read_node_term);
    }
    take_list(from.at("readinessGates"), pod.readiness_gates,
              [](const JsonCursor &gate, std::string &to) { to = gate.need("conditionType").text(); });
    for (const JsonCursor amount : from.at("overhead").members()) {
        if (const auto quantity = read_quantity(amount)) {
            pod.overhead.requests.insert_or_assign(std::string(amount.name()), *quantity);
        }
    }
}

// Amounts and ports are written as texts or as numbers. As texts all of them are read by one piece of code.
// NOLINTNEXTLINE(misc-no-recursion): as deep as a JsonTree, which has its own limit
void spell_numbers(nlohmann::json &value, bool amounts) {
    for (auto &[name, member] : value.items()) {
        const bool either = amounts || name == "port" || name == "sizeLimit" || name == "divisor";
        if (either && member.is_number()) {
            member = member.dump();
        } else if (member.is_structured()) {
            spell_numbers(member, name == "requests" || name == "limits" || name == "overhead");
        }
    }
}

Result<JsonDocument> parse(std::string_view json, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(json, name)); // says what is wrong and where
    nlohmann::json value = nlohmann::json::parse(json, nullptr, false);
    if (value.is_structured()) {
        spell_numbers(value, false);
        return JsonDocument::parse(value.dump(), name);
    }
    return document;
}

void check_kind(const JsonCursor &root) {
    if (root.need("apiVersion").view() != "v1") {
        root.at("apiVersion").refuse("v1");
    }
    if (root.need("kind").view() != "Pod") {
        root.at("kind").refuse("Pod");
    }
}

} // namespace

std::optional<Quantity> read_quantity(const JsonCursor &from) {
    if (!from.given()) {
        return std::nullopt;
    }
    const std::optional<Quantity> quantity = Quantity::parse(from.text());
    if (!quantity) {
        from.fail("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    }
    return quantity;
}

void read_resources(const JsonCursor &from, Resources &to) {
    for (const auto &[name, list] : {std::pair("requests", &to.requests), std::pair("limits", &to.limits)}) {
        for (const JsonCursor amount : from.at(name).members()) {
            if (const auto quantity = read_quantity(amount)) {
                list->insert_or_assign(std::string(amount.name()), *quantity);
            }
        }
    }
    to.requests.insert(to.limits.begin(), to.limits.end()); // a limit is the request where none is said
}

Result<Pod> read_pod(std::string_view json, const std::string &name) {
    JsonDocument document = TRY(parse(json, name));
    const JsonCursor root(document);
    Pod pod;
    check_kind(root);
    read_metadata(root.need("metadata"), pod);
    read_spec(root.need("spec"), pod);
    TRY(document.status());
    return pod;
}

std::vector<const Container *> all_containers(const Pod &pod) {
    std::vector<const Container *> all;
    for (const std::vector<Container> *list : {&pod.init_containers, &pod.containers}) {
        for (const Container &container : *list) {
            all.push_back(&container);
        }
    }
    return all;
}

const Container *find_container(const Pod &pod, const std::string &name) {
    for (const std::vector<Container> *list : {&pod.init_containers, &pod.containers, &pod.ephemeral_containers}) {
        const auto found = std::ranges::find(*list, name, &Container::name);
        if (found != list->end()) {
            return &*found;
        }
    }
    return nullptr;
}

} // namespace ballast::agent
