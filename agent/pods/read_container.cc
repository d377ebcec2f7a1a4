// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/read_pod.h"

#include <charconv>

#include "base/json/json_take.h"

namespace ballast::agent {
namespace {

constexpr int kMostPort = 65535;

// A port's number, or a name; as text, see read_pod().
PortRef read_port_ref(const JsonCursor &from) {
    const std::string text = from.text();
    PortRef port;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port.number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return {.number = 0, .name = text};
    }
    if (port.number < 1 || port.number > kMostPort) {
        from.fail("must be between 1 and 65535, inclusive");
    }
    return port;
}

HttpAction read_http(const JsonCursor &from) {
    HttpAction action{.port = read_port_ref(from.need("port"))};
    take(from.at("path"), action.path);
    take(from.at("host"), action.host);
    take(from.at("scheme"), action.scheme);
    take_list(from.at("httpHeaders"), action.headers,
              [](const JsonCursor &header, auto &to) { to = {header.need("name").text(), header.at("value").text()}; });
    return action;
}

std::optional<Probe> read_probe(const JsonCursor &from) {
    constexpr int kMost = std::numeric_limits<int>::max();
    const std::optional<Action> action = read_action(from);
    if (!from.given()) {
        return std::nullopt;
    }
    if (!action) {
        from.fail("must specify a handler type");
        return std::nullopt;
    }
    Probe probe{.action = *action};
    probe.initial_delay = std::chrono::seconds(from.at("initialDelaySeconds").number(0, kMost, 0));
    probe.timeout = std::chrono::seconds(std::max(1, from.at("timeoutSeconds").number(0, kMost, 1)));
    probe.period = std::chrono::seconds(std::max(1, from.at("periodSeconds").number(0, kMost, 10)));
    probe.success_threshold = std::max(1, from.at("successThreshold").number(0, kMost, 1));
    probe.failure_threshold = std::max(1, from.at("failureThreshold").number(0, kMost, 3));
    take(from.at("terminationGracePeriodSeconds"), probe.grace);
    return probe;
}

void read_port(const JsonCursor &from, Port &to) {
    take(from.at("name"), to.name);
    to.container = from.need("containerPort").number(0, kMostPort);
    to.host = from.at("hostPort").number(0, kMostPort);
    take(from.at("hostIP"), to.host_address);
    take(from.at("protocol"), to.protocol);
}

ClusterRef cluster_ref(const char *kind, const JsonCursor &from) {
    return {.kind = kind,
            .name = from.at("name").text(),
            .key = from.at("key").text(),
            .optional = from.at("optional").boolean()};
}

void read_variable(const JsonCursor &from, EnvVar &to) {
    to.name = from.need("name").text();
    to.value = from.at("value").text();
    const JsonCursor source = from.at("valueFrom");
    if (const JsonCursor field = source.at("fieldRef"); field.given()) {
        to.value = FieldRef{field.need("fieldPath").text()};
    } else if (const JsonCursor resource = source.at("resourceFieldRef"); resource.given()) {
        to.value = read_resource_ref(resource);
    }
    for (const char *kind : {"configMapKeyRef", "secretKeyRef", "fileKeyRef"}) {
        if (const JsonCursor reference = source.at(kind); reference.given()) {
            to.value = cluster_ref(kind, reference);
        }
    }
}

void read_env_from(const JsonCursor &from, ClusterRef &to) {
    for (const char *kind : {"configMapRef", "secretRef"}) {
        if (const JsonCursor reference = from.at(kind); reference.given()) {
            to = cluster_ref(kind, reference);
            take(from.at("prefix"), to.prefix);
        }
    }
}

void read_mount(const JsonCursor &from, VolumeMount &to) {
    to.volume = from.need("name").text();
    to.path = from.need("mountPath").text();
    take(from.at("readOnly"), to.read_only);
    to.recursive_read_only =
        from.at("recursiveReadOnly").view() == "Enabled" || from.at("recursiveReadOnly").view() == "IfPossible";
    take(from.at("subPath"), to.sub_path);
    if (const JsonCursor expression = from.at("subPathExpr"); expression.given()) {
        to.sub_path = expression.text();
        to.expand_sub_path = true;
    }
    take(from.at("mountPropagation"), to.propagation);
}

// What no tag is said for, or "latest", is pulled always.
std::string default_pull_policy(const std::string &image) {
    const std::size_t slash = image.rfind('/');
    const std::string_view last = std::string_view(image).substr(slash == std::string::npos ? 0 : slash + 1);
    const bool named = last.contains('@') || (last.contains(':') && !last.ends_with(":latest"));
    return named ? "IfNotPresent" : "Always";
}

} // namespace

ResourceRef read_resource_ref(const JsonCursor &from) {
    ResourceRef reference{.container = from.at("containerName").text(), .resource = from.need("resource").text()};
    reference.divisor = read_quantity(from.at("divisor")).value_or(Quantity());
    return reference;
}

std::optional<Action> read_action(const JsonCursor &from) {
    if (const JsonCursor exec = from.at("exec"); exec.given()) {
        ExecAction action;
        take(exec.at("command"), action.command);
        return action;
    }
    if (const JsonCursor http = from.at("httpGet"); http.given()) {
        return read_http(http);
    }
    if (const JsonCursor tcp = from.at("tcpSocket"); tcp.given()) {
        return TcpAction{.port = read_port_ref(tcp.need("port")), .host = tcp.at("host").text()};
    }
    if (const JsonCursor grpc = from.at("grpc"); grpc.given()) {
        return GrpcAction{.port = read_port_ref(grpc.need("port")).number, .service = grpc.at("service").text()};
    }
    if (const JsonCursor sleep = from.at("sleep"); sleep.given()) {
        return SleepAction{.seconds = sleep.need("seconds").number<std::int64_t>(0)};
    }
    return std::nullopt;
}

void read_container(const JsonCursor &from, Container &to) {
    to.name = from.need("name").text();
    take(from.at("image"), to.image);
    take(from.at("command"), to.command);
    take(from.at("args"), to.args);
    take(from.at("workingDir"), to.working_dir);
    take_list(from.at("ports"), to.ports, read_port);
    take_list(from.at("env"), to.env, read_variable);
    take_list(from.at("envFrom"), to.env_from, read_env_from);
    read_resources(from.at("resources"), to.resources);
    take_list(from.at("volumeMounts"), to.mounts, read_mount);
    to.liveness = read_probe(from.at("livenessProbe"));
    to.readiness = read_probe(from.at("readinessProbe"));
    to.startup = read_probe(from.at("startupProbe"));
    const JsonCursor lifecycle = from.at("lifecycle");
    to.post_start = read_action(lifecycle.at("postStart"));
    to.pre_stop = read_action(lifecycle.at("preStop"));
    take(lifecycle.at("stopSignal"), to.stop_signal);
    take(from.at("terminationMessagePath"), to.termination_path);
    take(from.at("terminationMessagePolicy"), to.termination_policy);
    to.pull_policy = default_pull_policy(to.image);
    take(from.at("imagePullPolicy"), to.pull_policy);
    read_container_security(from.at("securityContext"), to.security);
    take(from.at("stdin"), to.stdin);
    take(from.at("stdinOnce"), to.stdin_once);
    take(from.at("tty"), to.tty);
}

} // namespace ballast::agent
