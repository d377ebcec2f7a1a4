// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/pod_json.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/json/json_take.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kRoles = std::to_array<NamedNumber>({
    {"sandbox", static_cast<std::uint64_t>(Pod::Role::kSandbox)},
    {"container", static_cast<std::uint64_t>(Pod::Role::kContainer)},
});

Json dns_json(const cni::Dns &dns) {
    return {{"Servers", dns.servers}, {"Searches", dns.searches}, {"Options", dns.options}};
}

cni::Dns read_dns(const JsonCursor &from) {
    return {.servers = from.at("Servers").texts(),
            .searches = from.at("Searches").texts(),
            .options = from.at("Options").texts()};
}

Json wishes_record(const cni::Wishes &wishes) {
    Json json = {{"Ports", Json::array()}};
    for (const cni::PortMapping &port : wishes.ports) {
        json["Ports"].push_back({{"Host", port.host},
                                 {"Container", port.container},
                                 {"Protocol", port.protocol},
                                 {"Address", port.host_address}});
    }
    if (wishes.bandwidth) {
        json["Bandwidth"] = {{"IngressRate", wishes.bandwidth->ingress_rate},
                             {"IngressBurst", wishes.bandwidth->ingress_burst},
                             {"EgressRate", wishes.bandwidth->egress_rate},
                             {"EgressBurst", wishes.bandwidth->egress_burst}};
    }
    return json;
}

cni::Wishes read_wishes(const JsonCursor &from) {
    cni::Wishes wishes;
    for (const JsonCursor port : from.at("Ports").items()) {
        wishes.ports.push_back({.host = port.at("Host").number<std::uint16_t>(),
                                .container = port.at("Container").number<std::uint16_t>(),
                                .protocol = port.at("Protocol").text(),
                                .host_address = port.at("Address").text()});
    }
    if (const JsonCursor bandwidth = from.at("Bandwidth"); bandwidth.given()) {
        wishes.bandwidth = cni::Bandwidth{.ingress_rate = bandwidth.at("IngressRate").number<std::uint64_t>(),
                                          .ingress_burst = bandwidth.at("IngressBurst").number<std::uint64_t>(),
                                          .egress_rate = bandwidth.at("EgressRate").number<std::uint64_t>(),
                                          .egress_burst = bandwidth.at("EgressBurst").number<std::uint64_t>()};
    }
    return wishes;
}

} // namespace

Json pod_json(const Pod &pod) {
    Json json = {
        {"Name", pod.name}, {"Attempt", pod.attempt}, {"Labels", pod.labels}, {"Annotations", pod.annotations}};
    if (pod.is_sandbox()) {
        json["Role"] = "sandbox";
        json["UID"] = pod.uid;
        json["Namespace"] = pod.name_space;
        json["RuntimeHandler"] = pod.runtime_handler;
        json["LogDirectory"] = pod.log_directory;
        json["SharedPids"] = pod.shared_pids;
        json["Network"] = pod.network;
        json["Wishes"] = wishes_record(pod.wishes);
        json["Addresses"] = pod.addresses;
        json["Stopped"] = pod.stopped;
        if (pod.dns) {
            json["Dns"] = dns_json(*pod.dns);
        }
    } else {
        json["Role"] = "container";
        json["Sandbox"] = pod.sandbox;
        json["Image"] = pod.image;
        json["StrictGroups"] = pod.strict_groups;
        json["Ambient"] = pod.ambient;
        json["Cgroup"] = pod.cgroup;
        json["HugePages"] = pod.huge_pages;
        if (pod.user) {
            json["User"] = {{"UID", pod.user->uid}, {"GID", pod.user->gid}, {"Groups", pod.user->groups}};
        }
    }
    return json;
}

void read_pod(const JsonCursor &from, Pod &pod) {
    const NamedNumber *role = from.need("Role").one_of(kRoles, "a role");
    pod.role = role == nullptr ? Pod::Role::kNone : static_cast<Pod::Role>(role->number);
    pod.name = from.at("Name").text();
    pod.attempt = from.at("Attempt").number<std::uint32_t>();
    take(from.at("Labels"), pod.labels);
    take(from.at("Annotations"), pod.annotations);
    pod.uid = from.at("UID").text();
    pod.name_space = from.at("Namespace").text();
    pod.runtime_handler = from.at("RuntimeHandler").text();
    pod.log_directory = from.at("LogDirectory").text();
    pod.shared_pids = from.at("SharedPids").boolean();
    pod.network = from.at("Network").boolean();
    pod.wishes = read_wishes(from.at("Wishes"));
    pod.addresses = from.at("Addresses").texts();
    pod.stopped = from.at("Stopped").boolean();
    if (const JsonCursor dns = from.at("Dns"); dns.given()) {
        pod.dns = read_dns(dns);
    }
    pod.sandbox = from.at("Sandbox").text();
    pod.image = from.at("Image").text();
    pod.strict_groups = from.at("StrictGroups").boolean();
    pod.ambient = from.at("Ambient").texts();
    take(from.at("Cgroup"), pod.cgroup);
    for (const JsonCursor limit : from.at("HugePages").members()) {
        pod.huge_pages.emplace(limit.name(), limit.number<std::uint64_t>());
    }
    if (const JsonCursor user = from.at("User"); user.given()) {
        pod.user = Pod::User{
            .uid = user.at("UID").number<std::uint32_t>(), .gid = user.at("GID").number<std::uint32_t>(), .groups = {}};
        for (const JsonCursor group : user.at("Groups").items()) {
            pod.user->groups.push_back(group.number<std::uint32_t>());
        }
    }
}

} // namespace ballast::engine
