// SPDX-License-Identifier: Apache-2.0
#include "agent/config/flags.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

Options options(const std::vector<std::string> &words) { return std::get<Options>(must(read_command_line(words))); }
Answer answer(const std::vector<std::string> &words) { return std::get<Answer>(must(read_command_line(words))); }

} // namespace

TEST_CASE("kubeadm is told the version as kubelet tells it", "[agent]") {
    const Answer told = answer({"--version"});
    REQUIRE(told.status == 0);
    REQUIRE(told.text == "Kubernetes v1.34.0\n");
}

TEST_CASE("kubelet's usual flags are read", "[agent]") {
    const Options read =
        options({"--node-labels=zone=a,rack=2", "--hostname-override", "node-7", "--node-ip=10.0.0.7",
                 "--register-with-taints=a=b:NoSchedule", "--register-node=false", "-v=4",
                 "--container-runtime-endpoint=unix:///run/x.sock", "--kubeconfig=/etc/kubernetes/kubelet.conf",
                 "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf", "--max-pods=9",
                 "--cluster-dns=10.0.0.1,10.0.0.2", "--cloud-provider=external"});
    REQUIRE(read.node_labels == Labels{{"zone", "a"}, {"rack", "2"}});
    REQUIRE(read.node_name == "node-7");
    REQUIRE(read.node_addresses == std::vector<std::string>{"10.0.0.7"});
    REQUIRE(read.config.taints.size() == 1);
    REQUIRE_FALSE(read.config.register_node);
    REQUIRE(read.config.verbosity == 4);
    REQUIRE(read.config.runtime_endpoint == "unix:///run/x.sock");
    REQUIRE(read.kubeconfig == "/etc/kubernetes/kubelet.conf");
    REQUIRE(read.config.most_pods == 9);
    REQUIRE(read.config.cluster_dns == std::vector<std::string>{"10.0.0.1", "10.0.0.2"});
    REQUIRE(read.warnings.empty());
}

TEST_CASE("flags without effect are taken with a word", "[agent]") {
    const Options read = options({"--pod-infra-container-image=registry.k8s.io/pause:3.9", "--fail-swap-on=false"});
    REQUIRE(read.warnings == std::vector<std::string>{"--pod-infra-container-image has no effect here",
                                                      "--fail-swap-on has no effect here"});
}

TEST_CASE("of a flag that is given twice the last one holds", "[agent]") {
    const Options read = options({"--kubeconfig=/a", "--bootstrap-kubeconfig=/b", "--max-pods=1", "--fail-swap-on=true",
                                  "--register-node", "--kubeconfig=/c", "--max-pods=2", "--register-node=false",
                                  "--fail-swap-on=false", "--pod-cidr=1.2.3.0/24", "--pod-cidr=1.2.4.0/24"});
    CHECK(read.kubeconfig == "/c");
    CHECK(read.config.most_pods == 2);
    CHECK_FALSE(read.config.register_node);
}

TEST_CASE("a flag wins over the file", "[agent]") {
    const TemporaryDirectory directory = scratch();
    const std::filesystem::path file = directory.path() / "config.yaml";
    must(write_file(file, "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 5\n"
                          "staticPodPath: /a\n"));
    const Options read = options({"--config", file.string(), "--max-pods=9"});
    REQUIRE(read.config.most_pods == 9);
    REQUIRE(read.config.static_pod_path == "/a");
}

TEST_CASE("whose certificates are renewed is said by flag or file", "[agent]") {
    CHECK_FALSE(options({}).config.rotate_certificates.has_value());
    CHECK_FALSE(options({}).config.server.cluster_signs);
    const Options read = options({"--rotate-certificates=false", "--rotate-server-certificates"});
    CHECK(read.config.rotate_certificates == false);
    CHECK(read.config.server.cluster_signs);
    CHECK(read.warnings.empty());
}

TEST_CASE("a wrong command line is refused with the reason", "[agent]") {
    REQUIRE(answer({"--no-such-flag"}).status != 0);
    REQUIRE(answer({"--max-pods=many"}).status != 0);
    REQUIRE(error_of(read_command_line({"--config=/nonexistent"})).code == ENOENT);
    REQUIRE(
        error_of(read_command_line({"--container-runtime-endpoint=tcp://1"})).message.contains("want unix:///PATH"));
    REQUIRE(error_of(read_command_line({"--cloud-provider=aws"})).message.contains("want external"));
    REQUIRE(error_of(read_command_line({"--node-labels=x"})).message.contains("want KEY=VALUE"));
    REQUIRE(error_of(read_command_line({"--bootstrap-kubeconfig=/b"})).message.contains("want --kubeconfig"));
    REQUIRE(error_of(read_command_line({"--cgroup-driver=cgroupfs"})).message.contains("want systemd"));
    REQUIRE(error_of(read_command_line({"--pod-manifest-path=here"})).message.contains("absolute"));
}
