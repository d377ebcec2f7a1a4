// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/log.h"
#include "runtime/engine/core.h"

namespace ballast::engine {
namespace {

bool on_loopback_only(const network::PublishedPort &port) { return port.host_address.is_loopback(); }

} // namespace

Status Engine::Core::publish_on_loopback() {
    const std::scoped_lock lock(loopback_mutex); // first: who comes last has the newest list
    if (!loopback) {
        return {};
    }
    std::vector<network::PublishedPort> ports;
    bool only_there = false;
    for (const network::Sandbox &sandbox : networks->sandboxes()) {
        ports.insert(ports.end(), sandbox.ports.begin(), sandbox.ports.end());
        only_there = only_there || std::ranges::any_of(sandbox.ports, on_loopback_only);
    }
    const Status published = loopback->publish(ports);
    if (published || published.error().code != ENOTSUP) {
        return published;
    }
    loopback.reset(); // what the kernel lacks it will not get
    log::warning(published.error().message + "; programs of the host reach containers by other addresses" +
                 (only_there ? ", and what is published on 127.0.0.1 or ::1 by none" : ""));
    return {};
}

void Engine::Core::publish_rest_on_loopback() {
    if (const Status published = publish_on_loopback(); !published) {
        log::error(published.error().message);
    }
}

} // namespace ballast::engine
