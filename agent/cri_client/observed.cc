// SPDX-License-Identifier: Apache-2.0
#include "agent/cri_client/observed.h"

#include <algorithm>

namespace ballast::agent {

std::string ObservedContainer::annotation(const std::string &key) const {
    const auto found = annotations.find(key);
    return found == annotations.end() ? "" : found->second;
}

const ObservedContainer *ObservedPod::container(const std::string &wanted, const std::string &sandbox) const {
    const auto found = std::ranges::find_if(containers, [&](const ObservedContainer &container) {
        return container.name == wanted && (sandbox.empty() || container.sandbox == sandbox);
    });
    return found == containers.end() ? nullptr : &*found;
}

bool ObservedPod::anything_runs() const {
    return std::ranges::any_of(containers, &ObservedContainer::running) ||
           std::ranges::any_of(sandboxes, &ObservedSandbox::ready);
}

} // namespace ballast::agent
