// SPDX-License-Identifier: Apache-2.0
// Pods whose network plugin misbehaves.
#include <filesystem>
#include <sys/mount.h>

#include "tests/integration/api/pod_fixture.h"

using namespace ballast;
using ballast::api_tests::PodFixture;
namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

namespace {

// A network whose only plugin does what the test says, below the test's own /opt.
struct OddNetwork : PodFixture {
    OddNetwork() {
        REQUIRE(::mount("opt", "/opt", "tmpfs", 0, nullptr) == 0); // in the test's mount namespace
        must(make_directories("/opt/cni/bin"));
        must(write_file("/etc/cni/net.d/00-odd.conflist",
                        R"({"cniVersion":"1.0.0","name":"odd","plugins":[{"type":"odd"}]})"));
    }
    ~OddNetwork() { (void)::umount2("/opt", MNT_DETACH); }
    OddNetwork(const OddNetwork &) = delete;
    OddNetwork &operator=(const OddNetwork &) = delete;

    // Both are shell.
    static void plugin(const std::string &on_add, const std::string &on_del = ":") {
        must(replace_file("/opt/cni/bin/odd",
                          "#!/bin/sh\ncase $CNI_COMMAND in\nADD) " + on_add + " ;;\nDEL) " + on_del + " ;;\nesac\n",
                          0755));
    }
    grpc::Outcome run(const std::string &name) {
        cri::RunPodSandboxRequest request;
        *request.mutable_config() = sandbox(name);
        return kubelet.ask<cri::RunPodSandboxResponse>("RuntimeService/RunPodSandbox", request).outcome;
    }
    grpc::Outcome remove(const std::string &id) {
        cri::RemovePodSandboxRequest request;
        request.set_pod_sandbox_id(id);
        return kubelet.ask<cri::RemovePodSandboxResponse>("RuntimeService/RemovePodSandbox", request).outcome;
    }
    void check_nothing_left() {
        CHECK(sandboxes().empty());
        CHECK(attachments() == 0);
        CHECK(namespaces() == 0);
        CHECK(fs::is_empty(path("data/containers")));
    }
};

constexpr const char *kFine = R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"10.5.0.9/24"}]}')";

} // namespace

TEST_CASE("a network plugin that fails, dies or talks nonsense makes no pod, and leaves nothing", "[api][cri][root]") {
    OddNetwork network;
    const std::pair<const char *, const char *> ways[] = {
        {R"(echo '{"cniVersion":"1.0.0","code":11,"msg":"no address left"}'; exit 1)", "no address left"},
        {"kill -9 $$", "odd"},
        {"echo garbage", "odd"},
        {R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"../../etc"}]}')", "odd"},
        {"yes '{\"cniVersion\":\"1.0.0\"}' | head -c 20000000", "odd"}};
    for (const auto &[script, said] : ways) {
        CAPTURE(script);
        OddNetwork::plugin(script);
        const grpc::Outcome outcome = network.run("unlucky");
        CHECK_FALSE(outcome.ok());
        CHECK(outcome.message.contains(said));
        network.check_nothing_left();
    }
    OddNetwork::plugin(kFine);
    CHECK(network.run("unlucky").ok());
    CHECK(network.status(network.sandboxes().front().id()).network().ip() == "10.5.0.9");
}

TEST_CASE("a pod whose network cannot be taken back stays listed until it can", "[api][cri][root]") {
    OddNetwork network;
    OddNetwork::plugin(kFine, "exit 1");
    REQUIRE(network.run("stuck").ok());
    const std::string id = network.sandboxes().front().id();
    CHECK_FALSE(network.remove(id).ok());
    REQUIRE(network.sandboxes().size() == 1);
    CHECK(network.sandboxes().front().state() == cri::SANDBOX_NOTREADY);
    OddNetwork::plugin(kFine);
    CHECK(network.remove(id).ok());
    network.check_nothing_left();
}

TEST_CASE("a pod is stopped while a slow plugin takes its network back", "[api][cri][root]") {
    OddNetwork network;
    OddNetwork::plugin(kFine, "sleep 4"); // longer than a pause process is waited for before it is killed
    REQUIRE(network.run("slow").ok());
    const std::string id = network.sandboxes().front().id();
    network.stop_sandbox(id);
    CHECK(network.sandboxes().front().state() == cri::SANDBOX_NOTREADY);
    CHECK(network.remove(id).ok());
    network.check_nothing_left();
}
