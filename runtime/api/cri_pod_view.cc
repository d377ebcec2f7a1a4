// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_pod_view.h"

#include <format>

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;

cri::PodSandboxState state_of(bool ready) { return ready ? cri::SANDBOX_READY : cri::SANDBOX_NOTREADY; }

// What both messages have.
template <typename Message>
Message begin(const engine::Snapshot &sandbox, bool ready) {
    Message made;
    made.set_id(sandbox.id);
    cri::PodSandboxMetadata &metadata = *made.mutable_metadata();
    metadata.set_name(sandbox.pod.name);
    metadata.set_uid(sandbox.pod.uid);
    metadata.set_namespace_(sandbox.pod.name_space);
    metadata.set_attempt(sandbox.pod.attempt);
    made.set_state(state_of(ready));
    made.set_created_at(cri_time(sandbox.created));
    made.mutable_labels()->insert(sandbox.pod.labels.begin(), sandbox.pod.labels.end());
    made.mutable_annotations()->insert(sandbox.pod.annotations.begin(), sandbox.pod.annotations.end());
    made.set_runtime_handler(sandbox.pod.runtime_handler);
    return made;
}

} // namespace

std::int64_t cri_time(engine::Time time) { return time.time_since_epoch().count(); }

cri::PodSandbox cri_sandbox(const engine::Snapshot &sandbox, bool ready) {
    return begin<cri::PodSandbox>(sandbox, ready);
}

cri::PodSandboxStatus cri_sandbox_status(const engine::Snapshot &sandbox, bool ready) {
    auto made = begin<cri::PodSandboxStatus>(sandbox, ready);
    made.mutable_network();
    for (std::size_t index = 0; ready && index < sandbox.pod.addresses.size(); index++) {
        if (index == 0) {
            made.mutable_network()->set_ip(sandbox.pod.addresses[index]);
        } else {
            made.mutable_network()->add_additional_ips()->set_ip(sandbox.pod.addresses[index]);
        }
    }
    cri::NamespaceOption &options = *made.mutable_linux()->mutable_namespaces()->mutable_options();
    options.set_network(sandbox.pod.network ? cri::POD : cri::NODE);
    options.set_ipc(sandbox.host.ipc_mode == "host" ? cri::NODE : cri::POD);
    options.set_pid(sandbox.host.pid_mode == "host" ? cri::NODE : sandbox.pod.shared_pids ? cri::POD : cri::CONTAINER);
    return made;
}

std::string cri_process_info(const engine::Snapshot &any, const std::string &sandbox, const engine::Pods &pods) {
    const std::string spec = pods.runtime_spec(any);
    return std::format(R"({{"pid":{},"sandboxID":"{}"{}}})", any.state.pid, sandbox,
                       spec.empty() ? "" : ",\"runtimeSpec\":" + spec);
}

} // namespace ballast::api
