// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/container_config.h"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>
#include <runtime/v1/api.pb.h>

#include "agent/cri_client/labels.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

namespace cri = ::runtime::v1;
using Json = nlohmann::json;

Json port_json(const PortRef &port) { return port.name.empty() ? Json(port.number) : Json(port.name); }

struct ActionJson {
    Json operator()(const ExecAction &action) const { return {{"exec", {{"command", action.command}}}}; }
    Json operator()(const HttpAction &action) const {
        Json http = {
            {"path", action.path}, {"port", port_json(action.port)}, {"host", action.host}, {"scheme", action.scheme}};
        for (const auto &[name, value] : action.headers) {
            http["httpHeaders"].push_back({{"name", name}, {"value", value}});
        }
        return {{"httpGet", http}};
    }
    Json operator()(const TcpAction &action) const {
        return {{"tcpSocket", {{"port", port_json(action.port)}, {"host", action.host}}}};
    }
    Json operator()(const GrpcAction &action) const {
        return {{"grpc", {{"port", action.port}, {"service", action.service}}}};
    }
    Json operator()(const SleepAction &action) const { return {{"sleep", {{"seconds", action.seconds}}}}; }
};

void write_labels(const Pod &pod, const Container &container, const ContainerInputs &inputs, cri::ContainerConfig &to) {
    auto &names = *to.mutable_labels();
    names[labels::kPodName] = pod.name;
    names[labels::kPodNamespace] = pod.name_space;
    names[labels::kPodUid] = pod.uid;
    names[labels::kContainerName] = container.name;
    auto &notes = *to.mutable_annotations();
    notes[labels::kHash] = container.hash;
    notes[labels::kRestartCount] = std::to_string(inputs.attempt);
    notes[labels::kTerminationPath] = container.termination_path;
    notes[labels::kTerminationPolicy] = container.termination_policy;
    notes[labels::kPodGrace] = std::to_string(pod.grace);
    if (inputs.restart_wait.count() > 0) {
        notes[labels::kRestartWait] = std::to_string(inputs.restart_wait.count());
    }
    if (container.pre_stop) {
        notes[labels::kPreStop] = action_json(*container.pre_stop);
    }
    if (!container.ports.empty()) {
        Json ports = Json::array();
        for (const Port &port : container.ports) {
            ports.push_back({{"containerPort", port.container}, {"protocol", port.protocol}});
            if (!port.name.empty()) {
                ports.back()["name"] = port.name;
            }
        }
        notes[labels::kPorts] = ports.dump(-1, ' ', false, Json::error_handler_t::replace);
    }
}

Result<cri::MountPropagation> propagation_of(const std::string &name) {
    if (name == "None") {
        return cri::PROPAGATION_PRIVATE;
    }
    if (name == "HostToContainer") {
        return cri::PROPAGATION_HOST_TO_CONTAINER;
    }
    return name == "Bidirectional"
               ? Result<cri::MountPropagation>(cri::PROPAGATION_BIDIRECTIONAL)
               : fail(EINVAL, "mountPropagation " + quote(name) + ": want None, HostToContainer or Bidirectional");
}

Status write_mounts(const std::vector<HostMount> &mounts, cri::ContainerConfig &to) {
    for (const HostMount &mount : mounts) {
        cri::Mount &added = *to.add_mounts();
        added.set_host_path(mount.source);
        added.set_container_path(mount.target);
        added.set_readonly(mount.read_only);
        added.set_recursive_read_only(mount.read_only && mount.recursive_read_only);
        added.set_propagation(TRY(propagation_of(mount.propagation)));
    }
    return {};
}

// "SIGRTMIN+3" is SIGRTMINPLUS3 there; names in C are macros, so the generated ones have a prefix.
Result<cri::Signal> signal_of(const std::string &name) {
    std::string spelled = "CRI_" + name;
    for (const auto &[sign, word] : {std::pair('+', "PLUS"), {'-', "MINUS"}}) {
        if (const std::size_t at = spelled.find(sign); at != std::string::npos) {
            spelled.replace(at, 1, word);
        }
    }
    cri::Signal signal = cri::RUNTIME_DEFAULT;
    return name.empty() || cri::Signal_Parse(spelled, &signal)
               ? Result<cri::Signal>(signal)
               : fail(EINVAL, "stopSignal " + quote(name) + " is no signal");
}

} // namespace

std::string action_json(const Action &action) {
    return std::visit(ActionJson(), action).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<cri::ContainerConfig> container_config(const Pod &pod, const Container &container,
                                              const ContainerInputs &inputs) {
    cri::ContainerConfig to;
    to.mutable_metadata()->set_name(container.name);
    to.mutable_metadata()->set_attempt(inputs.attempt);
    to.mutable_image()->set_image(inputs.image);
    to.mutable_image()->set_user_specified_image(container.image);
    for (const auto &[from, list] :
         {std::pair(&container.command, to.mutable_command()), {&container.args, to.mutable_args()}}) {
        for (const std::string &word : *from) {
            list->Add(expanded(word, inputs.environment));
        }
    }
    to.set_working_dir(container.working_dir);
    for (const auto &[name, value] : inputs.environment) {
        cri::KeyValue &variable = *to.add_envs();
        variable.set_key(name);
        variable.set_value(value);
    }
    TRY(write_mounts(inputs.mounts, to));
    write_labels(pod, container, inputs, to);
    to.set_log_path(std::format("{}/{}.log", container.name, inputs.attempt));
    to.set_stdin(container.stdin);
    to.set_stdin_once(container.stdin_once);
    to.set_tty(container.tty);
    to.set_stop_signal(TRY(signal_of(container.stop_signal)));
    write_resources(pod, container, inputs.kernel, *to.mutable_linux()->mutable_resources());
    auto &security = *to.mutable_linux()->mutable_security_context();
    TRY(write_security(pod, container, inputs.image_user, security));
    if (auto &spaces = *security.mutable_namespace_options();
        !inputs.target.empty() && spaces.pid() == cri::CONTAINER) {
        spaces.set_pid(cri::TARGET); // where processes are shared it sees them in any case
        spaces.set_target_id(inputs.target);
    }
    return to;
}

} // namespace ballast::agent
