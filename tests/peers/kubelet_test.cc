// SPDX-License-Identifier: Apache-2.0
// Kubernetes' own kubelet, from $BALLAST_PEERS, on the engine of the image: a node of a control plane that runs here,
// beside the machine.
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <functional>
#include <thread>

#include "base/http/client.h"
#include "base/lines.h"
#include "tests/control_plane/control_plane.h"
#include "tests/images/registry.h"
#include "tests/images/sources.h"
#include "tests/integration/network/own_host.h"
#include "tests/peers/peer_machine.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kKubeletPort = 10250;
constexpr const char *kHostOfGuests = "10.0.2.2"; // QEMU's network: who runs it, and the guest
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
failSwapOn: false
)yaml";

// Each file in /www is what one probe looks for; whoever is started again puts them back.
constexpr const char *kWeb = R"yaml(
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: {0}
        command: [sh, -c, 'echo began; cd /www; for file in page live ready; do echo $file >$file; done; exec httpd -f -p 8080']
        volumeMounts: [{{name: www, mountPath: /www}}]
        resources: {{requests: {{memory: 16Mi}}, limits: {{memory: 64Mi}}}}
        startupProbe: {{exec: {{command: [cat, /www/page]}}, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 100}}
        livenessProbe: {{httpGet: {{path: /live, port: 8080}}, periodSeconds: 2, timeoutSeconds: 30, failureThreshold: 1}}
        readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 1}}
      volumes: [{{name: www, emptyDir: {{}}}}]
)yaml";

fs::path peer_program(const std::string &directory, const std::string &name) {
    const fs::path program = given_peer(directory) / name;
    if (!fs::exists(program)) {
        SKIP("BALLAST_PEERS has no " + directory + "/" + name + ": skipped");
    }
    return program;
}

TemporaryDirectory with_image() {
    TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "kubelet-"));
    (void)must(run_checked({.arguments = {images::own_directory() / "../images/ballast-test-images", "build", "--cache",
                                          images::test_cache(), "--out", directory.path() / "images", "busybox"}}));
    return directory;
}

// The machine, its registry and its control plane, in a network of their own. The guest reaches what listens here under
// QEMU's name for it; what the API server says to the guest's address is led to the port that QEMU holds open for it.
class KubeletNode {
  public:
    KubeletNode()
        : kubelet_(peer_program("kubernetes", "kubelet")), crictl_(peer_program("cri-tools", "crictl")),
          machine(peer_machine({kKubeletPort})), plane(directory_.path() / "plane", kHostOfGuests),
          registry_(must(images::Registry::start({.tls = true, .certificate_names = {kHostOfGuests}}))) {
        lead_to_guest();
        start_kubelet();
        serve_image();
        until([&] { return condition("node/node", "Ready") == "True"; }, "the node is ready");
    }

    // It must become so; else everybody's logs are shown.
    void until(const std::function<bool()> &holds, const std::string &what) {
        constexpr auto kPatience = std::chrono::minutes(8); // of a test that would hang: the guest may be emulated
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (!holds()) {
            if (std::chrono::steady_clock::now() > end) {
                FAIL(what << "\n"
                          << run(machine, "crictl() { /var/lib/peers/crictl -r unix:///run/ballast/cri.sock \"$@\"; }; "
                                          "crictl ps -a; crictl pods; journalctl -n 150 -o cat -u real-kubelet; "
                                          "journalctl -n 100 -o cat -u ballastd")
                          << plane.output_of({"describe", "node,pod"}) << plane.logs());
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
        }
    }
    std::string get(const std::string &object, const std::string &json_path) const {
        const Completed done = plane.kubectl({"get", object, "-o", "jsonpath=" + json_path});
        return done.status == 0 ? done.output : "";
    }
    std::string condition(const std::string &object, const std::string &type) const {
        return get(object, "{.status.conditions[?(@.type=='" + type + "')].status}");
    }
    std::vector<std::string> pods() const { return lines_of(plane.output_of({"get", "pods", "-o", "name"})); }
    std::string in_pod(const std::string &pod, const std::string &command) const {
        return plane.output_of({"exec", pod, "--", "sh", "-c", command});
    }
    std::string crictl(const std::string &words) {
        return run(machine, "/var/lib/peers/crictl -r unix:///run/ballast/cri.sock -t 60s " + words);
    }
    std::string image() const { return kHostOfGuests + std::format(":{}/busybox:latest", registry_.port()); }

  private:
    void lead_to_guest() {
        // From 127.0.0.1: QEMU's guest answers nobody who has its own address.
        must(run_checked({.arguments = {"ip", "route", "add", "local", kGuest, "dev", "lo", "src", "127.0.0.1"}}));
        must(run_checked({.arguments = {"nft", std::format("table ip guest {{ chain output {{ type nat hook output "
                                                           "priority -100; ip daddr {} tcp dport {} dnat to "
                                                           "127.0.0.1:{}; }}; }}",
                                                           kGuest, kKubeletPort, must(machine.port(kKubeletPort)))}}));
    }

    void start_kubelet() {
        std::string access = must(read_file(plane.kubeconfig("system:node:node", "system:nodes")));
        const auto replace = [&access](const std::string &from, const std::string &to) {
            for (std::size_t at = 0; (at = access.find(from, at)) != std::string::npos; at += to.size()) {
                access.replace(at, from.size(), to);
            }
        };
        replace("127.0.0.1", kHostOfGuests);
        replace(plane.path("").parent_path().string(), kFiles);
        must(write_file(directory_.path() / "kubeconfig", access));
        must(write_file(directory_.path() / "config.yaml", std::format(kConfiguration, kFiles)));
        must(machine.copy_in(directory_.path() / "kubeconfig", fs::path(kFiles) / "kubeconfig"));
        must(machine.copy_in(directory_.path() / "config.yaml", fs::path(kFiles) / "config.yaml"));
        for (const char *name : {"ca.crt", "system-node-node.crt", "system-node-node.key"}) {
            must(machine.copy_in(plane.path(name), fs::path(kFiles) / name));
        }
        must(machine.copy_in(crictl_, "/var/lib/peers/crictl"));
        must(machine.copy_in(kubelet_, "/var/lib/peers/kubelet"));
        run(machine, std::format("systemd-run -q --unit=real-kubelet /var/lib/peers/kubelet --config={0}/config.yaml "
                                 "--kubeconfig={0}/kubeconfig --hostname-override=node",
                                 kFiles));
    }

    void serve_image() {
        must(registry_.push(directory_.path() / "images/busybox"));
        must(machine.copy_in(registry_.ca_certificate(),
                             std::format("/etc/docker/certs.d/{}:{}/ca.crt", kHostOfGuests, registry_.port())));
    }

    TemporaryDirectory directory_ = with_image(); // its packages come from outside
    testing::OwnHost host_;                       // of all that follows
    fs::path kubelet_, crictl_;

  public:
    vm::Machine machine;
    control_plane::ControlPlane plane;

  private:
    images::Registry registry_;
};

// What a port of the pod answers through kubectl, the API server, kubelet and the engine.
std::string forwarded_page(KubeletNode &node, const std::string &pod) {
    const Child forward =
        must(Child::start({.arguments = {"kubectl", "--kubeconfig", node.plane.path("admin.conf").string(),
                                         "port-forward", pod, "18080:8080"}}));
    http::Client client;
    std::string page;
    node.until(
        [&] {
            const auto answer = client.send({.url = must(http::parse_url("http://127.0.0.1:18080/page"))});
            page = answer.has_value() ? answer->body : "";
            return !page.empty();
        },
        "a port of the pod is reached");
    return page;
}

void check_probes(KubeletNode &node, const std::string &pod) {
    (void)node.in_pod(pod, "rm /www/ready");
    node.until([&] { return node.condition(pod, "Ready") == "False"; }, "its readiness is asked for");
    (void)node.in_pod(pod, "echo ready >/www/ready");
    node.until([&] { return node.condition(pod, "Ready") == "True"; }, "it is ready again");
    CHECK(node.get(pod, "{.status.containerStatuses[0].restartCount}") == "0");
    (void)node.in_pod(pod, "rm /www/live");
    node.until([&] { return node.get(pod, "{.status.containerStatuses[0].restartCount}") == "1"; },
               "what is not alive is started again");
    node.until([&] { return node.condition(pod, "Ready") == "True"; }, "and is ready");
    CHECK(node.plane.output_of({"logs", "--previous", pod}) == "began\n");
}

void check_seen_alike(KubeletNode &node) {
    const std::string by_docker =
        run(node.machine, "docker ps -q --no-trunc --filter label=io.kubernetes.container.name=web | sort");
    CHECK(lines_of(by_docker).size() == 2);
    CHECK(node.crictl("ps -q --no-trunc --name web | sort") == by_docker);
    CHECK(run(node.machine, "docker ps -q --no-trunc | wc -l") == "4\n"); // with what holds the pods' namespaces
    CHECK(lines_of(node.crictl("pods -q --state ready")).size() == 2);
    for (const std::string &pod : node.pods()) {
        const std::string id = node.get(pod, "{.status.containerStatuses[0].containerID}");
        CHECK(id.starts_with("ballast://"));
        CHECK(by_docker.contains(id.substr(id.rfind('/') + 1)));
    }
}

void check_end(KubeletNode &node) {
    (void)node.plane.output_of({"delete", "deployment", "web", "--wait=false"});
    node.until([&] { return node.pods().empty(); }, "the pods are gone");
    const auto nothing = [&](const std::string &command) {
        node.until([&] { return run(node.machine, command).empty(); }, command + " says nothing");
    };
    nothing("/var/lib/peers/crictl -r unix:///run/ballast/cri.sock -t 60s pods -q");
    nothing("docker ps -aq");
    nothing("find /var/lib/kubelet/pods /var/log/pods -mindepth 1");
    nothing("ip -o link show master ballast-pods 2>&1 | grep veth || true");
}

} // namespace

TEST_CASE("the real kubelet runs pods on the engine", "[peers][vm]") {
    (void)peer_program("kubernetes", "kube-apiserver"); // kubelet serves none that is older than it
    KubeletNode node;
    CHECK(node.get("node/node", "{.status.nodeInfo.kubeletVersion}").starts_with("v1."));
    CHECK(node.get("node/node", "{.status.nodeInfo.containerRuntimeVersion}").starts_with("ballast://"));
    node.plane.apply(std::format(kWeb, node.image()));
    node.until([&] { return node.get("deployment/web", "{.status.availableReplicas}") == "2"; }, "it is available");
    const std::string pod = node.pods().front();
    CHECK(node.plane.output_of({"logs", pod}) == "began\n");
    CHECK(node.in_pod(pod, "cat /www/page") == "page\n");
    CHECK(node.plane.kubectl({"exec", pod, "--", "sh", "-c", "exit 7"}).errors.contains("exit code 7"));
    CHECK(forwarded_page(node, pod) == "page\n");
    check_probes(node, pod);
    check_seen_alike(node);
    check_end(node);
}

} // namespace ballast::peers
