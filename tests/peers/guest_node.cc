// SPDX-License-Identifier: Apache-2.0
#include "tests/peers/guest_node.h"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <thread>

#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kKubeletPort = 10250;
constexpr const char *kGuest = "10.0.2.15";
constexpr const char *kFiles = "/var/lib/peers/node"; // in the guest

constexpr const char *kConfiguration = R"yaml(
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/ballast/cri.sock
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {0}/ca.crt}}}}
authorization: {{mode: Webhook}}
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
{1})yaml";

TemporaryDirectory prepared(const std::function<void(const fs::path &)> &before) {
    TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "node-"));
    before(directory.path());
    return directory;
}

} // namespace

GuestNode::GuestNode(const std::function<void(const fs::path &)> &before)
    : directory_(prepared(before)), machine(peer_machine({kKubeletPort})),
      plane(directory_.path() / "plane", kHostOfGuests) {
    lead_to_guest();
}

void GuestNode::lead_to_guest() {
    // From 127.0.0.1: QEMU's guest answers nobody who has its own address.
    must(run_checked({.arguments = {"ip", "route", "add", "local", kGuest, "dev", "lo", "src", "127.0.0.1"}}));
    must(run_checked({.arguments = {"nft", std::format("table ip guest {{ chain output {{ type nat hook output "
                                                       "priority -100; ip daddr {} tcp dport {} dnat to "
                                                       "127.0.0.1:{}; }}; }}",
                                                       kGuest, kKubeletPort, must(machine.port(kKubeletPort)))}}));
}

void GuestNode::start(const std::string &program, const std::string &configuration) {
    std::string access = must(read_file(plane.kubeconfig("system:node:node", "system:nodes")));
    const auto replace = [&access](const std::string &from, const std::string &to) {
        for (std::size_t at = 0; (at = access.find(from, at)) != std::string::npos; at += to.size()) {
            access.replace(at, from.size(), to);
        }
    };
    replace("127.0.0.1", kHostOfGuests);
    replace(plane.path("").parent_path().string(), kFiles);
    must(write_file(path("kubeconfig"), access));
    must(write_file(path("config.yaml"), std::format(kConfiguration, kFiles, configuration)));
    for (const char *name : {"kubeconfig", "config.yaml"}) {
        must(machine.copy_in(path(name), fs::path(kFiles) / name));
    }
    for (const char *name : {"ca.crt", "system-node-node.crt", "system-node-node.key"}) {
        must(machine.copy_in(plane.path(name), fs::path(kFiles) / name));
    }
    run(machine, std::format("systemd-run -q --unit=peer-node {0} --config={1}/config.yaml --kubeconfig={1}/kubeconfig "
                             "--hostname-override=node",
                             program, kFiles));
}

void GuestNode::until(const std::function<bool()> &holds, const std::string &what) {
    constexpr auto kPatience = std::chrono::minutes(8); // of a test that would hang: the guest may be emulated
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) {
            FAIL(what << "\n"
                      << run(machine, "docker ps -a; journalctl -n 150 -o cat -u peer-node; "
                                      "journalctl -n 100 -o cat -u ballastd")
                      << plane.output_of({"describe", "node,pod"}) << plane.logs());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
}

void GuestNode::until_ready() {
    until([&] { return condition("node/node", "Ready") == "True"; }, "the node is ready");
}

std::string GuestNode::get(const std::string &object, const std::string &json_path) const {
    const Completed done = plane.kubectl({"get", object, "-o", "jsonpath=" + json_path});
    return done.status == 0 ? done.output : "";
}

std::string GuestNode::condition(const std::string &object, const std::string &type) const {
    return get(object, "{.status.conditions[?(@.type=='" + type + "')].status}");
}

} // namespace ballast::peers
