// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/pod_events.h"

#include "runtime/engine/core.h"
#include "runtime/engine/pods.h"

namespace ballast::engine {

struct PodEvents::Subscription::Queue {
    std::deque<std::shared_ptr<const PodEvent>> waiting;
    bool lost = false;
};

std::optional<PodEvent::Kind> pod_event_kind(const std::string &action) {
    using Kind = PodEvent::Kind;
    return action == "create"    ? std::optional(Kind::kCreated)
           : action == "start"   ? std::optional(Kind::kStarted)
           : action == "die"     ? std::optional(Kind::kStopped)
           : action == "destroy" ? std::optional(Kind::kDeleted)
                                 : std::nullopt;
}

void PodEvents::publish(const std::function<std::optional<PodEvent>()> &make) {
    const std::scoped_lock order(making_);
    {
        const std::scoped_lock lock(mutex_);
        if (queues_.empty()) {
            return;
        }
    }
    std::optional<PodEvent> made = make();
    if (!made) {
        return;
    }
    const auto event = std::make_shared<const PodEvent>(std::move(*made));
    const std::scoped_lock lock(mutex_);
    for (const auto &queue : queues_) {
        if (queue->waiting.size() < kQueue && !queue->lost) {
            queue->waiting.push_back(event);
        } else {
            queue->waiting.clear();
            queue->lost = true;
        }
    }
    changed_.notify_all();
}

std::unique_ptr<PodEvents::Subscription> PodEvents::subscribe() {
    const std::scoped_lock lock(mutex_);
    auto queue = std::make_shared<Subscription::Queue>();
    queues_.push_back(queue);
    return std::unique_ptr<Subscription>(new Subscription(*this, std::move(queue)));
}

void PodEvents::close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

PodEvents::Subscription::~Subscription() {
    const std::scoped_lock lock(bus_->mutex_);
    bus_->queues_.remove(queue_);
}

Result<std::shared_ptr<const PodEvent>> PodEvents::Subscription::next(const std::stop_token &stop) {
    std::unique_lock lock(bus_->mutex_);
    (void)bus_->changed_.wait(lock, stop, [this] { return bus_->closed_ || queue_->lost || !queue_->waiting.empty(); });
    if (queue_->lost) {
        return fail(EOVERFLOW, "events came faster than they were taken, and some are lost: list what there is");
    }
    if (queue_->waiting.empty()) {
        return bus_->closed_ ? fail(ECONNRESET, "events: the engine ends") : fail(ECANCELED, "events: cancelled");
    }
    std::shared_ptr<const PodEvent> event = std::move(queue_->waiting.front());
    queue_->waiting.pop_front();
    return event;
}

void Engine::Core::pod_event(const Snapshot &container, const std::string &action) {
    const std::optional<PodEvent::Kind> kind = pod_event_kind(action);
    if (!container.pod.given() || !kind) {
        return;
    }
    pod_events.publish([&]() -> std::optional<PodEvent> {
        PodEvent event{.kind = *kind, .id = container.id, .time = std::chrono::system_clock::now()};
        if (container.pod.is_sandbox()) {
            event.sandbox = container; // which is not in the registry any more once it was deleted
        } else if (const Result<Snapshot> sandbox = Pods(*this).sandbox(container.pod.sandbox)) {
            event.sandbox = *sandbox;
        } else {
            return std::nullopt; // the whole pod goes, and that is told
        }
        event.ready = *kind != PodEvent::Kind::kDeleted && Pods(*this).ready(event.sandbox);
        for (const ContainerPtr &other : containers_of(event.sandbox.id)) {
            event.containers.push_back(other->snapshot());
        }
        return event;
    });
}

std::unique_ptr<PodEvents::Subscription> Pods::events() const { return core_->pod_events.subscribe(); }

} // namespace ballast::engine
