// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/agent/two_nodes.h"

#include <chrono>
#include <format>
#include <thread>

#include "tests/control_plane/bootstrap_token.h"
#include "tests/images/sources.h"

namespace ballast::vm {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kRegistryPort = 5000;
constexpr const char *kRegistryHost = "10.0.2.2"; // this host, in QEMU's own network

// docs/usage/agent.md has the part that makes a node of a machine. The file below /var/lib/disks makes a directory that
// stands for a disk.
constexpr const char *kUserData = R"yaml(#cloud-config
hostname: {0}
write_files:
  - path: /etc/kubernetes/pki/ca.crt
    content: |
{1}
  - path: /etc/kubernetes/bootstrap-kubelet.conf
    permissions: "0600"
    content: |
      apiVersion: v1
      kind: Config
      clusters: [{{name: c, cluster: {{server: "https://{2}:{3}", certificate-authority: /etc/kubernetes/pki/ca.crt}}}}]
      users: [{{name: u, user: {{token: abcdef.0123456789abcdef}}}}]
      contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
      current-context: x
  - path: /etc/default/kubelet
    content: KUBELET_EXTRA_ARGS=--client-ca-file=/etc/kubernetes/pki/ca.crt --node-labels=zone={0} --node-ip={4}
  - path: /var/lib/kubelet/config.yaml
    content: |
      apiVersion: kubelet.config.k8s.io/v1beta1
      kind: KubeletConfiguration
      syncFrequency: 20s
  - path: /etc/docker/certs.d/{5}/ca.crt
    content: |
{6}
  - path: /var/lib/disks/data/.disk
    content: ""
)yaml";

std::string registry_address() { return std::string(kRegistryHost) + ":" + std::to_string(kRegistryPort); }

std::string indented(const std::string &text) {
    std::string out;
    for (const std::string &line : lines_of(text)) {
        out += (out.empty() ? "      " : "\n      ") + line;
    }
    return out;
}

void ip(std::vector<std::string> words) {
    words.insert(words.begin(), "ip");
    must(run_checked({.arguments = std::move(words)}));
}

} // namespace

TwoNodes::TwoNodes() {
    make_network();
    plane_.emplace(directory_.path() / "plane", kHost);
    plane_->apply(control_plane::kBootstrapToken);
    // The first certificate of whoever has a token is approved by itself.
    (void)plane_->output_of({"create", "clusterrolebinding", "approve",
                             "--group=system:bootstrappers:kubeadm:default-node-token",
                             "--clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient"});
    registry_.emplace(
        must(images::Registry::start({.port = kRegistryPort, .tls = true, .certificate_names = {kRegistryHost}})));
    fill_registry();
    one_.emplace(start("one", kOne, "52:54:00:ba:58:01"));
    two_.emplace(start("two", kTwo, "52:54:00:ba:58:02"));
    must(one_->wait_until_ready());
    must(two_->wait_until_ready());
}

void TwoNodes::make_network() const {
    ip({"link", "add", "nodes", "type", "bridge"});
    ip({"address", "add", std::string(kHost) + "/24", "dev", "nodes"});
    for (const char *tap : {"tap-one", "tap-two"}) {
        ip({"tuntap", "add", tap, "mode", "tap"});
        ip({"link", "set", tap, "master", "nodes", "up"});
    }
    ip({"link", "set", "nodes", "up"});
}

void TwoNodes::fill_registry() const {
    const std::filesystem::path layouts = directory_.path() / "layouts";
    must(run_checked({.arguments = {BALLAST_TEST_IMAGES_PROGRAM, "build", "--cache", images::test_cache().string(),
                                    "--out", layouts.string(), "busybox"}}));
    must(registry_->push_as(layouts / "busybox", "busybox", "1"));
}

std::string TwoNodes::image() { return registry_address() + "/busybox:1"; }

Machine TwoNodes::start(const std::string &name, const std::string &address, const std::string &mac) const {
    const TemporaryDirectory seed = scratch();
    must(write_file(seed.path() / "meta-data", "instance-id: i-" + name + "\n"));
    must(write_file(seed.path() / "user-data",
                    std::format(kUserData, name, indented(must(read_file(plane_->path("ca.crt")))), kHost,
                                control_plane::ControlPlane::kPort, address, registry_address(),
                                indented(must(read_file(registry_->ca_certificate()))))));
    must(write_file(seed.path() / "network-config",
                    std::format("version: 2\nethernets:\n  nodes:\n    match: {{macaddress: \"{}\"}}\n"
                                "    set-name: nodes\n    addresses: [{}/24]\n",
                                mac, address)));
    MachineOptions options = image_options(name);
    options.seed = seed.path();
    options.cpus = 1; // emulated ones, and this host has to have its own
    options.cables = {{.tap = "tap-" + name, .mac = mac}};
    Machine machine = must(Machine::start_paused(options));
    must(machine.resume());
    return machine;
}

std::string TwoNodes::get(const std::string &objects, const std::string &json_path) const {
    return get(std::vector<std::string>{objects}, json_path);
}

std::string TwoNodes::get(std::vector<std::string> words, const std::string &json_path) const {
    words.insert(words.begin(), "get");
    words.insert(words.end(), {"-o", "jsonpath=" + json_path});
    const Completed done = plane_->kubectl(std::move(words));
    return done.status == 0 ? done.output : "";
}

bool TwoNodes::is_ready(const std::string &object) const {
    return get(object, "{.status.conditions[?(@.type=='Ready')].status}") == "True";
}

std::vector<std::string> TwoNodes::ready_pods(const std::string &selector, const std::string &node) const {
    std::vector<std::string> words = {"pods", "-l", selector};
    if (!node.empty()) {
        words.push_back("--field-selector=spec.nodeName=" + node);
    }
    const std::string lines = get(words, "{range .items[*]}{.metadata.name} {.metadata.deletionTimestamp} "
                                         "{.status.conditions[?(@.type=='Ready')].status}{\"\\n\"}{end}");
    std::vector<std::string> names;
    for (const std::string &line : lines_of(lines)) {
        const std::string name = line.substr(0, line.find(' '));
        if (line == name + "  True") { // with a time in between it is on its way out
            names.push_back(name);
        }
    }
    return names;
}

void TwoNodes::until(const std::string &what, const std::function<bool()> &condition) {
    constexpr auto kPatience = 10min; // of a test that would hang: emulated machines
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            FAIL("it does not come to pass that " << what << "\n" << what_happened());
        }
        std::this_thread::sleep_for(300ms);
    }
}

std::string TwoNodes::what_happened() {
    std::string text;
    for (const std::vector<std::string> &words : {std::vector<std::string>{"get", "nodes,pods,pvc", "-A", "-o", "wide"},
                                                  {"describe", "nodes"},
                                                  {"get", "events"}}) {
        text += plane_->kubectl(words).output + "\n";
    }
    for (Machine *node : {&*one_, &*two_}) {
        const auto journal =
            node->run("hostname; journalctl -b --no-pager -o short-monotonic -u kubelet -u ballastd | tail -n 60");
        text += journal.has_value() ? journal->output : journal.error().message;
    }
    return text + plane_->logs();
}

} // namespace ballast::vm
