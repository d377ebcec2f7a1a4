// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/bench/engine_samples.h"
#include "tests/bench/settings.h"
#include "tests/control_plane/servers.h"
#include "tests/vm/machine.h"

namespace ballast::bench {

// In QEMU's own network, which leads to this host's loopback.
inline constexpr const char *kHostOfGuests = "10.0.2.2";

// A machine of the test image that is the only node of its name in a cluster, and what was measured of it.
class ClusterNode {
  public:
    // Our agent on our engine, as the image has them.
    static Result<ClusterNode> ours(const Settings &settings, const control_plane::Servers &servers);
    // The kubelet of BALLAST_PEERS on Debian's containerd. ENOENT: there is none.
    static Result<ClusterNode> theirs(const Settings &settings, const control_plane::Servers &servers);

    const std::string &name() const { return name_; }
    // What its processes, those that pods consist of not among them, hold ("memory", and each name's largest; MiB) and
    // have used ("cpu"; ms) until now.
    Result<EngineSamples> processes();

    std::map<std::string, std::vector<double>> samples{};

  private:
    ClusterNode(std::string name, std::vector<std::string> processes, vm::Machine machine)
        : name_(std::move(name)), processes_(std::move(processes)), machine_(std::move(machine)) {}
    static Result<vm::Machine> boot(const Settings &settings, const std::string &name);
    // The node's kubeconfig, with all that it needs in it, at `to` in the machine.
    Status give_credentials(const control_plane::Servers &servers, const std::filesystem::path &to);

    std::string name_;
    std::vector<std::string> processes_; // as the kernel knows them
    vm::Machine machine_;
};

} // namespace ballast::bench
