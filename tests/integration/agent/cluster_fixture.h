// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/control_plane/control_plane.h"
#include "tests/integration/agent/node_fixture.h"

namespace ballast::agent_tests {

// A cluster of one node, "node": the real agent and the real engine, and a real control plane. Skipped where there is
// none.
class ClusterFixture : public NodeFixture {
  public:
    ClusterFixture() : ClusterFixture([](auto &its_plane) { return joined(its_plane); }) {}

    // The node's. API servers lead nobody to a loopback address.
    static constexpr const char *kNodeAddress = "192.0.2.10";

    // What kubectl prints of one object, by a JSON path.
    std::string get(const std::string &object, const std::string &json_path) const;
    // It must become so; else the logs of everybody are shown.
    void until_cluster(const std::function<bool()> &condition, const std::string &what);

    control_plane::ControlPlane plane;

  protected:
    using Flags = std::vector<std::string>;
    // Started with what `credentials` says of the cluster.
    explicit ClusterFixture(const std::function<Flags(control_plane::ControlPlane &)> &credentials);

  private:
    static Flags joined(control_plane::ControlPlane &its_plane);
};

} // namespace ballast::agent_tests
