// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/agent/cluster_fixture.h"

#include <thread>

namespace ballast::agent_tests {

ClusterFixture::ClusterFixture(const std::function<Flags(control_plane::ControlPlane &)> &credentials)
    : NodeFixture("syncFrequency: 1s\n"), plane(path("plane")) {
    must(run_checked({.arguments = {"ip", "address", "replace", std::string(kNodeAddress) + "/32", "dev", "lo"}}));
    more_flags_ = credentials(plane);
    more_flags_.insert(more_flags_.end(), {"--node-ip", kNodeAddress, "--node-labels", "zone=here", "--client-ca-file",
                                           plane.path("ca.crt").string(), "--cert-dir", path("pki").string()});
    start_agent();
}

ClusterFixture::Flags ClusterFixture::joined(control_plane::ControlPlane &its_plane) {
    return {"--kubeconfig", its_plane.kubeconfig("system:node:node", "system:nodes").string()};
}

std::string ClusterFixture::get(const std::string &object, const std::string &json_path) const {
    const Completed done = plane.kubectl({"get", object, "-o", "jsonpath=" + json_path});
    return done.status == 0 ? done.output : "";
}

void ClusterFixture::until_cluster(const std::function<bool()> &condition, const std::string &what) {
    constexpr auto kPatience = std::chrono::minutes(4); // of a test that would hang: many programs take part
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            FAIL(what << "\n" << agent_log() << "\n" << log() << "\n" << plane.logs());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

} // namespace ballast::agent_tests
