// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/logs/log_links.h"
#include "agent/logs/log_rotation.h"
#include "agent/worker/jobs.h"

namespace ballast::agent {
namespace {

// The newest of its name that does not run: what kubectl logs --previous shows.
bool is_last_ended(const ObservedPod &pod, const ObservedContainer &container) {
    const auto newest = std::ranges::find_if(pod.containers, [&](const ObservedContainer &other) {
        return other.name == container.name && !other.running();
    });
    return newest != pod.containers.end() && &*newest == &container;
}

} // namespace

Garbage garbage_of(const ObservedPod &observed) {
    const auto is_kept = [&](const ObservedContainer &container) {
        return container.running() || is_last_ended(observed, container);
    };
    Garbage garbage;
    for (const ObservedContainer &container : observed.containers) {
        if (!is_kept(container)) {
            garbage.containers.push_back(container);
        }
    }
    for (const ObservedSandbox &sandbox : observed.sandboxes) {
        const bool needed = std::ranges::any_of(observed.containers, [&](const ObservedContainer &container) {
            return container.sandbox == sandbox.id && is_kept(container);
        });
        if (&sandbox != observed.sandbox() && !sandbox.ready && !needed) {
            garbage.sandboxes.push_back(sandbox.id);
        }
    }
    return garbage;
}

std::string link_name(const Pod &pod, const ObservedContainer &container) {
    return log_link_name(pod.name, pod.name_space, container.name, container.id);
}

// Logs first: a container that is there is garbage the next time as well.
Status remove_garbage(const World &world, const Pod &pod, const Garbage &garbage) {
    Status first;
    const auto note = [&](const Status &done) { first = first.has_value() ? done : first; };
    for (const ObservedContainer &container : garbage.containers) {
        if (!container.log_path.empty()) {
            note(remove_logs(world.options.config.pod_logs, container.log_path));
        }
        note(unlink_log(world.options.container_logs, link_name(pod, container)));
        note(world.runtime.remove_container(container.id));
    }
    for (const std::string &id : garbage.sandboxes) {
        note(world.runtime.remove_sandbox(id));
    }
    return first;
}

} // namespace ballast::agent
