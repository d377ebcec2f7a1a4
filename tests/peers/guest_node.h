// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "tests/control_plane/control_plane.h"
#include "tests/integration/network/own_host.h"
#include "tests/peers/peer_machine.h"

namespace ballast::peers {

// The image's machine as the node "node" of a control plane that runs here, beside it, in a network of their own. What
// the API server says to the guest's address is led to the port that QEMU holds open for it.
class GuestNode {
  public:
    // `before`: whatever wants the network outside; called first.
    explicit GuestNode(const std::function<void(const std::filesystem::path &directory)> &before);

    // Starts the guest's program with that path as the cluster's node. `configuration`: more lines of its
    // KubeletConfiguration. Its journal is that of the unit "peer-node".
    void start(const std::string &program, const std::string &configuration);
    // It must become so; else everybody's logs are shown.
    void until(const std::function<bool()> &holds, const std::string &what);
    void until_ready();
    std::string get(const std::string &object, const std::string &json_path) const;
    std::string condition(const std::string &object, const std::string &type) const;
    std::filesystem::path path(const std::string &name) const { return directory_.path() / name; }

  private:
    TemporaryDirectory directory_;
    testing::OwnHost host_; // of all that follows

  public:
    vm::Machine machine;
    control_plane::ControlPlane plane;

  private:
    void lead_to_guest();
};

} // namespace ballast::peers
