// SPDX-License-Identifier: Apache-2.0
// The node agent in the image: nothing to do, and pods from the first boot on.
#include "base/file_io.h"
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

// A pod that was written before the machine was ever started. Its image comes later.
constexpr const char *kUserData = R"(#cloud-config
write_files:
  - path: /etc/default/kubelet
    content: KUBELET_EXTRA_ARGS=--kube-reserved=memory=256Mi
  - path: /etc/kubernetes/manifests/web.yaml
    content: |
      apiVersion: v1
      kind: Pod
      metadata: {name: web}
      spec:
        hostNetwork: true
        terminationGracePeriodSeconds: 1
        containers:
        - name: c
          image: t
          imagePullPolicy: Never
          command: [/inside, wait]
          resources: {limits: {memory: 64Mi}, requests: {cpu: 500m}}
)";

// The machine is to wait for two pods when it is shut down.
constexpr const char *kPatient = R"(#cloud-config
write_files:
  - path: /var/lib/kubelet/config.yaml
    content: |
      apiVersion: kubelet.config.k8s.io/v1beta1
      kind: KubeletConfiguration
      staticPodPath: /etc/kubernetes/manifests
      shutdownGracePeriod: 80s
      shutdownGracePeriodCriticalPods: 30s
  - path: /etc/kubernetes/manifests/store.yaml
    content: |
      apiVersion: v1
      kind: Pod
      metadata: {name: store}
      spec:
        hostNetwork: true
        priority: 2000000000
        containers: [{name: store, image: t, imagePullPolicy: Never, command: [/inside, wait]}]
  - path: /etc/kubernetes/manifests/user.yaml
    content: |
      apiVersion: v1
      kind: Pod
      metadata: {name: user}
      spec:
        hostNetwork: true
        containers:
        - name: user
          image: t
          imagePullPolicy: Never
          command: [/inside, wait]
          lifecycle: {preStop: {sleep: {seconds: 4}}}
)";

Machine born_with(const char *user_data) {
    const TemporaryDirectory seed = scratch();
    must(write_file(seed.path() / "meta-data", "instance-id: i-agent\n"));
    must(write_file(seed.path() / "user-data", user_data));
    MachineOptions options = image_options();
    options.seed = seed.path();
    return must(Machine::boot(options));
}

void import_image(Machine &machine) {
    must(machine.copy_in(BALLAST_INSIDE_PROGRAM, "/var/lib/test/inside"));
    must(machine.run_checked("tar -C /var/lib/test -c inside | docker import - t"));
}

// The pod's container that runs, another than `before`. The test fails where none comes.
std::string running(Machine &machine, const std::string &before = "none", const std::string &container = "c") {
    const std::string list = "docker ps -q --no-trunc --filter label=io.kubernetes.container.name=" + container;
    return said(machine, "for i in $(seq 300); do id=$(" + list + ") && [ -n \"$id\" ] && [ \"$id\" != " + before +
                             " ] && echo $id && exit 0; sleep 0.2; done; journalctl -u kubelet -o cat >&2; " +
                             "exit 1");
}

// Pods together are held to what is not reserved, and each class weighs what its pods ask for.
void check_classes(Machine &machine) {
    const auto reads = [&](const std::string &file, const std::string &value) {
        CHECK(said(machine, "for i in $(seq 50); do [ \"$(cat /sys/fs/cgroup/kubepods.slice/" + file + ")\" = \"" +
                                value + "\" ] && break; sleep 0.2; done; cat /sys/fs/cgroup/kubepods.slice/" + file) ==
              value);
    };
    constexpr long kReserved = 256L << 20;
    reads("memory.max", said(machine, "echo $(( $(awk '/^MemTotal:/{print $2}' /proc/meminfo) * 1024 - " +
                                          std::to_string(kReserved) + " ))"));
    reads("kubepods-burstable.slice/cpu.weight", "20");
    reads("kubepods-besteffort.slice/cpu.weight", "1");
}

} // namespace

TEST_CASE("a machine without pods and without a cluster runs no agent", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "kubelet --version") == "Kubernetes v1.34.0");
    CHECK(said(machine, "systemctl is-enabled ballast-agent.service") == "enabled");
    CHECK(said(machine, "systemctl show -P Id kubelet.service") == "ballast-agent.service");
    CHECK(said(machine, "systemctl show -P ActiveState -P ConditionResult kubelet.service") == "inactive\nno");
    CHECK(said(machine, "systemctl show -P ExecMainStartTimestampMonotonic kubelet.service") == "0"); // never yet

    // Whoever writes the first manifest, or kubeadm, starts it.
    must(machine.run_checked("mkdir -p /etc/kubernetes/manifests && "
                             "printf 'apiVersion: v1\\nkind: Pod\\nmetadata: {name: none}\\nspec: {}\\n' "
                             ">/etc/kubernetes/manifests/none.yaml && systemctl start kubelet"));
    CHECK(said(machine, "systemctl is-active ballast-agent") == "active");
    must(machine.run_checked("for i in $(seq 100); do busctl get-property org.ballast.Agent1 /org/ballast/Agent1 "
                             "org.ballast.Agent1 Ready | grep -q true && exit 0; sleep 0.2; done; exit 1"));
    // Without a cluster there is nobody who would take its pods; and root alone may ask.
    const std::string drain = "busctl call org.ballast.Agent1 /org/ballast/Agent1 org.ballast.Agent1 Drain t 60";
    must(machine.run_checked(drain));
    CHECK(must(machine.run("setpriv --reuid=65534 --regid=65534 --clear-groups " + drain)).status != 0);
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}

TEST_CASE("pods run from the first boot and follow their files", "[vm]") {
    Machine machine = born_with(kUserData);
    CHECK(said(machine, "systemctl is-active ballast-agent") == "active");
    import_image(machine);
    const std::string first = running(machine);
    const std::string slice = said(machine, "cat /proc/$(docker inspect -f '{{.State.Pid}}' " + first + ")/cgroup");
    CHECK(slice.contains("kubepods-burstable-pod"));
    CHECK(said(machine, "docker ps -a --format '{{.Names}}'").contains("k8s_c_web-"));
    check_classes(machine);

    must(machine.run_checked("systemctl restart kubelet")); // which no pod notices
    CHECK(running(machine) == first);
    must(machine.run_checked("sed -i 's/wait]/wait, more]/' /etc/kubernetes/manifests/web.yaml"));
    const std::string second = running(machine, first);
    must(machine.reboot());
    const std::string third = running(machine, second);
    CHECK(said(machine, "tr '\\0' ' ' </proc/$(docker inspect -f '{{.State.Pid}}' " + third + ")/cmdline") ==
          "/inside wait more ");

    must(machine.run_checked("rm /etc/kubernetes/manifests/web.yaml"));
    must(machine.run_checked("for i in $(seq 300); do [ -z \"$(docker ps -aq)\" ] && exit 0; sleep 0.2; done; exit 1"));
    check_says_nothing(machine, "find /var/lib/kubelet/pods /var/log/pods -mindepth 1");
    check_says_nothing(machine, "systemctl list-units --plain --no-legend 'kubepods*pod*.slice'");
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}

TEST_CASE("a shutdown waits for pods, and ends them by their priorities", "[vm]") {
    Machine machine = born_with(kPatient);
    import_image(machine);
    const std::string user = running(machine, "none", "user"), store = running(machine, "none", "store");
    CHECK(said(machine, "systemd-inhibit --list --no-legend | grep -c ballast-agent") == "1");
    must(machine.reboot());
    const std::string journal = "journalctl -b -1 -u ballast-agent -o short-unix";
    CHECK(said(machine, journal + " | grep -oE '(user|store)-[^:]*: Killing' | cut -d- -f1") == "user\nstore");
    // The store is told to end when whoever uses it has ended, hook and all.
    CHECK(std::stoi(said(machine, journal + " | awk '/user-.*: Killing/ {user = $1} /store-.*: Killing/ {store = $1} "
                                            "END {print int(store - user)}'")) >= 4);
    CHECK(running(machine, user, "user") != user);
    CHECK(running(machine, store, "store") != store);
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}
