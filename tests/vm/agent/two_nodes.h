// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/control_plane/control_plane.h"
#include "tests/images/registry.h"
#include "tests/integration/network/own_host.h"
#include "tests/vm/image/guest.h"

// A cluster of two machines of the image and a control plane on the host, on an Ethernet of their own: a bridge in a
// network namespace here, with a cable to each. QEMU's own network, by which tests log in, leads to the registry, too.
namespace ballast::vm {

class TwoNodes {
  public:
    static constexpr const char *kHost = "198.51.100.1"; // of the control plane; RFC 5737
    static constexpr const char *kOne = "198.51.100.11", *kTwo = "198.51.100.12";

    // Returns once both machines have booted. Each was given a user-data document for cloud-init and nothing else: it
    // has a token, the cluster's authority, and what the registry's is. The test is skipped without a control plane.
    TwoNodes();

    // The image "busybox" as nodes name it.
    static std::string image();
    Machine &machine(const std::string &node) { return node == "one" ? *one_ : *two_; }

    // What kubectl prints of objects, by a JSON path; empty when it cannot.
    std::string get(const std::string &objects, const std::string &json_path) const;
    std::string get(std::vector<std::string> words, const std::string &json_path) const;
    bool is_ready(const std::string &object) const; // by its condition
    // The names of those pods with that label that are on a node ("" for any) and ready.
    std::vector<std::string> ready_pods(const std::string &selector, const std::string &node = "") const;
    // It must become so; else everybody's logs are shown.
    void until(const std::string &what, const std::function<bool()> &condition);

    control_plane::ControlPlane &plane() { return *plane_; }
    const control_plane::ControlPlane &plane() const { return *plane_; }

  private:
    void make_network() const;
    void fill_registry() const;
    Machine start(const std::string &name, const std::string &address, const std::string &mac) const;
    std::string what_happened();

    testing::OwnHost host_;
    TemporaryDirectory directory_ = scratch();
    std::optional<control_plane::ControlPlane> plane_;
    std::optional<images::Registry> registry_;
    std::optional<Machine> one_, two_;
};

} // namespace ballast::vm
