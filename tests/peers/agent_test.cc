// SPDX-License-Identifier: Apache-2.0
// The image's node agent on another container runtime: Debian's containerd with runc.
#include <catch2/catch_test_macros.hpp>

#include "base/lines.h"
#include "tests/peers/peer_machine.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

const std::string kContainerd = "ctr --address /run/peer/containerd.sock --namespace k8s.io ";

// As Kubernetes' documents have it, with a bridge of its own. Sandboxes wait in our pause program: Debian has no image.
constexpr const char *kStartContainerd = R"sh(
set -e
mkdir -p /run/peer/cni /var/lib/peers/manifests
sed 's/ballast-pods/peer-pods/; s/10[.]85[.]/10.86./; s#/run/ballast/#/run/peer/#' /usr/lib/ballast/cni/pods.conflist \
    >/run/peer/cni/10-pods.conflist
cat >/run/peer/config.toml <<'END'
version = 2
root = "/var/lib/peers/containerd"
state = "/run/peer/containerd"
[grpc]
address = "/run/peer/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/pause:latest"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/run/peer/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = true
END
systemd-run -q --unit=peer-containerd -p Delegate=yes containerd --config /run/peer/config.toml
tar -C /var/lib/peers -c inside | docker import - inside
tar -C /usr/lib/ballast -c ballast-pause | docker import --change 'ENTRYPOINT ["/ballast-pause"]' - pause
docker save -o /run/peer/images.tar inside:latest pause:latest
for i in $(seq 120); do $CTR version >/dev/null 2>&1 && break; sleep 1; done
$CTR images import /run/peer/images.tar
cat >/var/lib/peers/agent.yaml <<'END'
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/peer/containerd.sock
staticPodPath: /var/lib/peers/manifests
crashLoopBackOff: {maxContainerRestartPeriod: 1s}
END
)sh";

constexpr const char *kPod = R"yaml(
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 1
  initContainers:
  - {name: first, image: inside, imagePullPolicy: Never, command: [/inside, write, /data/first, began], volumeMounts: [{name: data, mountPath: /data}]}
  containers:
  - name: main
    image: inside
    imagePullPolicy: Never
    command: [/inside, say, "3"]
    resources: {limits: {memory: 64Mi}}
    volumeMounts: [{name: data, mountPath: /data}]
    startupProbe: {exec: {command: [/inside, cat, /data/first]}, periodSeconds: 1, timeoutSeconds: 30}
  - {name: failing, image: inside, imagePullPolicy: Never, command: [/inside, exit, "3"]}
  volumes: [{name: data, emptyDir: {}}]
)yaml";

void start_agent(vm::Machine &machine) {
    run(machine, "systemd-run -q --unit=peer-agent /usr/lib/ballast/ballast-agent --config /var/lib/peers/agent.yaml");
}

// Bounded; what the agent and containerd say is shown where it does not come.
void until(vm::Machine &machine, const std::string &condition) {
    const Completed done = must(machine.run("CTR='" + kContainerd + "'; for i in $(seq 600); do " + condition +
                                            " && exit 0; sleep 0.5; done; $CTR containers ls; journalctl -n 100 -o cat "
                                            "-u peer-agent; journalctl -n 50 -o cat -u peer-containerd; exit 1"));
    INFO(condition << "\n" << done.output);
    REQUIRE(done.status == 0);
}

std::string containers(const std::string &name) {
    return "containers ls -q 'labels.\"io.kubernetes.container.name\"==" + name + "'";
}

} // namespace

TEST_CASE("the agent runs pods on Debian's containerd", "[peers][vm]") {
    vm::Machine machine = peer_machine();
    must(machine.copy_in(BALLAST_INSIDE_PROGRAM, "/var/lib/peers/inside"));
    run(machine, "CTR='" + kContainerd + "'" + kStartContainerd);
    start_agent(machine);
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "agent-"));
    must(write_file(scratch.path() / "web.yaml", kPod));
    must(machine.copy_in(scratch.path() / "web.yaml", "/var/lib/peers/manifests/web.yaml"));

    until(machine, "grep -q 'stdout F 3' /var/log/pods/default_web-*/main/0.log 2>/dev/null");
    CHECK(run(machine, "cat /var/lib/kubelet/pods/*/volumes/kubernetes.io~empty-dir/data/first") == "began");
    const std::string id = run(machine, kContainerd + containers("main"));
    REQUIRE(lines_of(id).size() == 1);
    const std::string task = run(machine, kContainerd + "tasks ls | grep " + id);
    CHECK(task.contains("RUNNING"));
    CHECK(
        run(machine, "cat /proc/$(echo '" + task + "' | awk '{print $2}')/cgroup").contains("kubepods-burstable-pod"));
    until(machine, "[ -e /var/log/pods/default_web-*/failing/2.log ]"); // started again, and again

    run(machine, "systemctl stop peer-agent");
    start_agent(machine);
    until(machine, "journalctl -q -u peer-agent -o cat | grep -q failing");
    CHECK(run(machine, kContainerd + containers("main")) == id);
    run(machine, "rm /var/lib/peers/manifests/web.yaml");
    until(machine, "[ -z \"$($CTR containers ls -q)\" ]");
    until(machine, "[ -z \"$(find /var/lib/kubelet/pods /var/log/pods -mindepth 1)\" ]");
    CHECK(run(machine, "systemctl list-units --plain --no-legend 'kubepods*pod*.slice'").empty());
    CHECK(run(machine, "docker ps -aq").empty()); // the engine has no part in it
}

} // namespace ballast::peers
