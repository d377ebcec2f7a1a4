// SPDX-License-Identifier: Apache-2.0
// Kubernetes' own kubelet, from $BALLAST_PEERS, on the engine of the image: a node of a control plane that runs here,
// beside the machine.
#include <catch2/catch_test_macros.hpp>
#include <format>

#include "base/http/client.h"
#include "base/lines.h"
#include "tests/images/registry.h"
#include "tests/peers/guest_node.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

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

void build_image(const fs::path &directory) { build_images(directory / "images", {"busybox"}); }

class KubeletNode : public GuestNode {
  public:
    KubeletNode()
        : GuestNode(build_image),
          registry_(must(images::Registry::start({.tls = true, .certificate_names = {kHostOfGuests}}))) {
        must(registry_.push(path("images/busybox")));
        must(machine.copy_in(registry_.ca_certificate(),
                             std::format("/etc/docker/certs.d/{}:{}/ca.crt", kHostOfGuests, registry_.port())));
        must(machine.copy_in(peer_program("cri-tools", "crictl"), "/var/lib/peers/crictl"));
        must(machine.copy_in(peer_program("kubernetes", "kubelet"), "/var/lib/peers/kubelet"));
        start("/var/lib/peers/kubelet", "failSwapOn: false\n");
        until_ready();
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
    // Before all that takes time; and kubelet serves no API server that is older than it.
    for (const char *program : {"kubelet", "kube-apiserver"}) {
        (void)peer_program("kubernetes", program);
    }
    (void)peer_program("cri-tools", "crictl");
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
