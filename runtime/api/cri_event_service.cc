// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_container_view.h"
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_pod_view.h"
#include "runtime/api/cri_services.h"
#include "runtime/engine/pods.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using engine::PodEvent;

cri::ContainerEventType type_of(PodEvent::Kind kind) {
    switch (kind) {
    case PodEvent::Kind::kCreated:
        return cri::CONTAINER_CREATED_EVENT;
    case PodEvent::Kind::kStarted:
        return cri::CONTAINER_STARTED_EVENT;
    case PodEvent::Kind::kStopped:
        return cri::CONTAINER_STOPPED_EVENT;
    case PodEvent::Kind::kDeleted:
        break;
    }
    return cri::CONTAINER_DELETED_EVENT;
}

cri::ContainerEventResponse message_of(const Backend &backend, const PodEvent &event) {
    cri::ContainerEventResponse message;
    message.set_container_id(event.id);
    message.set_container_event_type(type_of(event.kind));
    message.set_created_at(cri_time(event.time));
    *message.mutable_pod_sandbox_status() = cri_sandbox_status(event.sandbox, event.ready);
    for (const engine::Snapshot &container : event.containers) {
        *message.add_containers_statuses() = cri_container_status(container, backend.images);
    }
    return message;
}

// Until the client goes, or does not take what happens.
Status events(const Backend &backend, const cri::GetEventsRequest &, grpc::Call &call) {
    const auto subscription = backend.engine.pods().events();
    while (true) {
        TRY(grpc::send_message(call, message_of(backend, *TRY(subscription->next(call.stop())))));
    }
}

} // namespace

grpc::Methods cri_event_methods(const Backend &backend) {
    return {{std::string(kCriRuntime) + "GetContainerEvents", cri_stream(backend, events)}};
}

} // namespace ballast::api
