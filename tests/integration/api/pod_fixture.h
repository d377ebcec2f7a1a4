// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/integration/api/kubelet.h"

namespace ballast::api_tests {

// An engine with a network for pods: Debian's bridge and host-local plugins, configured in a directory of the test's
// own /etc. Pods are removed at the end.
class PodFixture : public DaemonFixture {
  public:
    PodFixture();
    ~PodFixture();
    PodFixture(const PodFixture &) = delete;
    PodFixture &operator=(const PodFixture &) = delete;

    // A pod's configuration, with all that must be there.
    static ::runtime::v1::PodSandboxConfig sandbox(const std::string &name);
    std::string run_pod(const ::runtime::v1::PodSandboxConfig &config);
    ::runtime::v1::PodSandboxStatus status(const std::string &sandbox);
    std::vector<::runtime::v1::PodSandbox> sandboxes();
    void stop_sandbox(const std::string &id);
    void remove_sandbox(const std::string &id);
    int pid_of(const std::string &id) const; // of a container's first process

    // Addresses that the plugin has given and not got back.
    std::size_t addresses_taken() const;
    // Files that say what a killed engine, or the next one, has to take back; namespaces of pods.
    std::size_t attachments() const;
    std::size_t namespaces() const;
    // What a command says in a sandbox's network.
    std::string in_network(const std::string &sandbox, const std::vector<std::string> &words) const;

    Kubelet kubelet;
};

std::string namespace_of(int pid, const char *kind); // "net:[4026531840]"

} // namespace ballast::api_tests
