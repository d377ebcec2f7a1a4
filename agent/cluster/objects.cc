// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/objects.h"

#include <algorithm>
#include <format>
#include <thread>

#include "agent/cluster/claims.h"
#include "base/base64.h"
#include "base/http/url.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

// "web-api" -> "WEB_API"
std::string variable_name(std::string name) {
    std::ranges::transform(name, name.begin(), [](char c) {
        return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return name;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

Status add_members(const Json &members, bool encoded, TextMap &to) {
    if (!members.is_object()) {
        return {};
    }
    for (const auto &[key, value] : members.items()) {
        const std::string text = value.is_string() ? value.get<std::string>() : "";
        to[key] = encoded ? TRY(base64_decoded(text).within("member " + key)) : text;
    }
    return {};
}

} // namespace

PodObjects ClusterObjects::functions() {
    return {.data = [this](const std::string &kind, const std::string &name_space,
                           const std::string &name) { return data(kind, name_space, name); },
            .token = [this](const Pod &pod, const TokenFile &wanted) { return token(pod, wanted); },
            .volume = [this](const Pod &pod, const std::string &claim) { return volume(pod, claim); },
            .services = [this](const Pod &pod) { return services(pod); }};
}

// A node may read what its pods refer to, and the API server learns of a new pod a moment after the node does.
Result<Json> ClusterObjects::get(const std::string &path) {
    constexpr int kTries = 5;
    constexpr std::chrono::milliseconds kWait{300};
    for (int i = 0; i < kTries - 1; i++) {
        Result<Json> answer = server_.get(path, stop_);
        if (answer.has_value() || answer.error().code != EPERM || stop_.stop_requested()) {
            return answer;
        }
        std::this_thread::sleep_for(kWait);
    }
    return server_.get(path, stop_);
}

Result<TextMap> ClusterObjects::data(const std::string &kind, const std::string &name_space, const std::string &name) {
    const bool secret = kind == "secret";
    const Result<Json> object =
        get("/api/v1/namespaces/" + name_space + (secret ? "/secrets/" : "/configmaps/") + http::url_encode(name));
    if (!object.has_value()) {
        return object.error().code == ENOENT
                   ? fail(ENOENT, std::format("{} \"{}\" not found", secret ? "secret" : "configmap", name))
                   : std::unexpected(object.error());
    }
    TextMap members;
    TRY(add_members(json_at(*object, {"data"}), secret, members).within(name));
    TRY(add_members(json_at(*object, {"binaryData"}), true, members).within(name));
    return members;
}

Result<PersistentVolume> ClusterObjects::volume(const Pod &pod, const std::string &claim) {
    const Json claimed =
        TRY(get("/api/v1/namespaces/" + pod.name_space + "/persistentvolumeclaims/" + http::url_encode(claim))
                .within("failed to fetch PVC from API server"));
    const std::string name = TRY(volume_of_claim(claimed));
    const Json found = TRY(get("/api/v1/persistentvolumes/" + http::url_encode(name))
                               .within("failed to fetch PV " + name + " from API server"));
    const Json node = TRY(get("/api/v1/nodes/" + http::url_encode(node_name_)));
    return persistent_volume(found, claimed, node);
}

Result<std::string> ClusterObjects::token(const Pod &pod, const TokenFile &token) {
    const std::string key = std::format("{}/{}/{}/{}", pod.uid, pod.service_account, token.audience, token.seconds);
    {
        const std::lock_guard lock(mutex_);
        const auto known = tokens_.find(key);
        if (known != tokens_.end() && now_ns() < known->second.refresh) {
            return known->second.text;
        }
    }
    Json spec = {{"expirationSeconds", token.seconds},
                 {"boundObjectRef", {{"kind", "Pod"}, {"apiVersion", "v1"}, {"name", pod.name}, {"uid", pod.uid}}}};
    if (!token.audience.empty()) {
        spec["audiences"] = Json::array({token.audience});
    }
    const std::string account = pod.service_account.empty() ? "default" : pod.service_account;
    const std::int64_t asked = now_ns();
    const Json answer =
        TRY(server_
                .create(std::format("/api/v1/namespaces/{}/serviceaccounts/{}/token", pod.name_space, account),
                        {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", spec}}, stop_)
                .within("token of service account " + account));
    const std::string text = json_text(answer, {"status", "token"});
    const auto expires = parse_timestamp(json_text(answer, {"status", "expirationTimestamp"}));
    if (text.empty() || !expires) {
        return fail(EAGAIN, "token of service account " + account + ": the API server's answer holds none");
    }
    const std::lock_guard lock(mutex_);
    tokens_[key] = {text, asked + (*expires - asked) / 5 * 4};
    return text;
}

void ClusterObjects::forget(const std::string &pod_uid) {
    const std::lock_guard lock(mutex_);
    std::erase_if(tokens_, [&](const auto &token) { return token.first.starts_with(pod_uid + "/"); });
}

void ClusterObjects::store(const Json &object) {
    Service service{.name_space = namespace_of(object), .name = name_of(object)};
    service.address = json_text(object, {"spec", "clusterIP"});
    for (const Json &port : json_at(object, {"spec", "ports"})) {
        const Json &number = json_at(port, {"port"});
        service.ports.push_back({.name = json_text(port, {"name"}),
                                 .protocol = json_text(port, {"protocol"}),
                                 .number = number.is_number_integer() ? number.get<int>() : 0});
    }
    services_.insert_or_assign(service.name_space + "/" + service.name, std::move(service));
}

void ClusterObjects::take(const std::vector<Change> &changes) {
    const std::lock_guard lock(mutex_);
    for (const Change &change : changes) {
        if (change.kind == Change::Kind::kAll) {
            services_.clear();
            knows_services_ = true;
        }
        for (const Json &object : change.objects) {
            if (change.kind == Change::Kind::kGone) {
                services_.erase(namespace_of(object) + "/" + name_of(object));
            } else {
                store(object);
            }
        }
    }
}

bool ClusterObjects::knows_services() const {
    const std::lock_guard lock(mutex_);
    return knows_services_;
}

// As Docker's links had it, and kubelet has it.
void ClusterObjects::write(const Service &service, Variables &to) {
    if (service.address.empty() || service.address == "None" || service.ports.empty()) {
        return;
    }
    const std::string prefix = variable_name(service.name);
    const std::string host = service.address.contains(':') ? "[" + service.address + "]" : service.address;
    const auto url = [&](const Service::Port &port) {
        return std::format("{}://{}:{}", lower(port.protocol), host, port.number);
    };
    to.emplace_back(prefix + "_SERVICE_HOST", service.address);
    to.emplace_back(prefix + "_SERVICE_PORT", std::to_string(service.ports.front().number));
    for (const Service::Port &port : service.ports) {
        if (!port.name.empty()) {
            to.emplace_back(prefix + "_SERVICE_PORT_" + variable_name(port.name), std::to_string(port.number));
        }
    }
    to.emplace_back(prefix + "_PORT", url(service.ports.front()));
    for (const Service::Port &port : service.ports) {
        const std::string name = std::format("{}_PORT_{}_{}", prefix, port.number, port.protocol);
        to.emplace_back(name, url(port));
        to.emplace_back(name + "_PROTO", lower(port.protocol));
        to.emplace_back(name + "_PORT", std::to_string(port.number));
        to.emplace_back(name + "_ADDR", service.address);
    }
}

// Those of its namespace, unless it wants none; the API server's always.
Variables ClusterObjects::services(const Pod &pod) {
    Variables variables;
    const std::lock_guard lock(mutex_);
    for (const auto &[key, service] : services_) {
        const bool own = pod.service_links && service.name_space == pod.name_space;
        const bool master = key == "default/kubernetes";
        if (own || master) {
            write(service, variables);
        }
    }
    return variables;
}

} // namespace ballast::agent
