// SPDX-License-Identifier: Apache-2.0
// Sandboxes of pods by Kubernetes' container runtime interface, beside the docker command on the same engine.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sys/mount.h>

#include "tests/integration/api/pod_fixture.h"

using namespace ballast;
using ballast::api_tests::namespace_of;
using ballast::api_tests::PodFixture;
using grpc::Code;
namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

namespace {

grpc::Outcome outcome_of(PodFixture &fixture, const cri::PodSandboxConfig &config) {
    cri::RunPodSandboxRequest request;
    *request.mutable_config() = config;
    return fixture.kubelet.ask<cri::RunPodSandboxResponse>("RuntimeService/RunPodSandbox", request).outcome;
}

std::size_t count(PodFixture &fixture, const std::function<void(cri::PodSandboxFilter &)> &fill) {
    cri::ListPodSandboxRequest request;
    fill(*request.mutable_filter());
    return static_cast<std::size_t>(
        fixture.kubelet.answer<cri::ListPodSandboxResponse>("RuntimeService/ListPodSandbox", request).items_size());
}

} // namespace

TEST_CASE("a pod's sandbox has a network, names and namespaces of its own, and gives all back", "[api][cri][root]") {
    PodFixture fixture;
    cri::PodSandboxConfig config = PodFixture::sandbox("web");
    (*config.mutable_labels())["app"] = "web";
    (*config.mutable_annotations())["note"] = "a b";
    config.mutable_dns_config()->add_servers("10.0.0.10");
    config.mutable_dns_config()->add_searches("default.svc.cluster.local");
    config.mutable_dns_config()->add_options("ndots:5");
    (*config.mutable_linux()->mutable_sysctls())["net.ipv4.ip_local_port_range"] = "2000 3000";
    const std::string id = fixture.run_pod(config);

    const cri::PodSandboxStatus status = fixture.status(id);
    CHECK(status.state() == cri::SANDBOX_READY);
    CHECK(status.metadata().name() == "web");
    CHECK(status.metadata().uid() == "11-22");
    CHECK(status.labels().at("app") == "web");
    CHECK(status.labels().size() == 1);
    CHECK(status.annotations().at("note") == "a b");
    CHECK(status.network().ip() == "10.77.0.2");
    CHECK(status.linux().namespaces().options().network() == cri::POD);
    CHECK(status.created_at() > 0);

    const int pid = fixture.pid_of(id);
    for (const char *kind : {"net", "ipc", "uts", "pid", "mnt"}) {
        CHECK(namespace_of(pid, kind) != namespace_of(getpid(), kind));
    }
    CHECK(fixture.in_network(id, {"ip", "-brief", "address", "show", "eth0"}).contains("10.77.0.2/24"));
    CHECK(fixture.in_network(id, {"ip", "-brief", "address", "show", "lo"}).contains("127.0.0.1/8"));
    CHECK(fixture.in_network(id, {"cat", "/proc/sys/net/ipv4/ip_local_port_range"}).starts_with("2000\t3000"));
    const std::string resolv = must(read_file(fixture.path("data/containers") / id / "resolv.conf"));
    CHECK(resolv.contains("nameserver 10.0.0.10\n"));
    CHECK(resolv.contains("search default.svc.cluster.local\n"));
    CHECK(resolv.contains("options ndots:5\n"));

    CHECK(fixture.output_of({"ps", "--format", "{{.Names}}"}) == "k8s_POD_web_default_11-22_0");
    CHECK(fixture.output_of({"ps", "-q", "--filter", "label=io.kubernetes.pod.name=web"}).size() == 12);
    fixture.stop_sandbox(id);
    CHECK(fixture.status(id).state() == cri::SANDBOX_NOTREADY);
    CHECK(fixture.status(id).network().ip().empty());
    CHECK(fixture.addresses_taken() == 0);
    CHECK(fixture.attachments() == 0);
    CHECK(fixture.namespaces() == 0);
    cri::UpdatePodSandboxResourcesRequest resources;
    resources.set_pod_sandbox_id(id);
    (void)fixture.kubelet.answer<cri::UpdatePodSandboxResourcesResponse>("RuntimeService/UpdatePodSandboxResources",
                                                                         resources);
    fixture.stop_sandbox(id);
    fixture.remove_sandbox(id);
    fixture.remove_sandbox(id);
    CHECK(fixture.sandboxes().empty());
    CHECK_FALSE(fs::exists(fixture.path("data/containers") / id));
    cri::PodSandboxStatusRequest gone;
    gone.set_pod_sandbox_id(id);
    CHECK(fixture.kubelet.ask<cri::PodSandboxStatusResponse>("RuntimeService/PodSandboxStatus", gone).outcome.code ==
          Code::kNotFound);
}

TEST_CASE("a pod may have the host's namespaces", "[api][cri][root]") {
    PodFixture fixture;
    cri::PodSandboxConfig config = PodFixture::sandbox("node");
    config.clear_hostname();
    cri::NamespaceOption &options = *config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    options.set_network(cri::NODE);
    options.set_pid(cri::NODE);
    options.set_ipc(cri::NODE);
    const std::string id = fixture.run_pod(config);
    const int pid = fixture.pid_of(id);
    for (const char *kind : {"net", "ipc", "uts", "pid"}) {
        CHECK(namespace_of(pid, kind) == namespace_of(getpid(), kind));
    }
    const cri::PodSandboxStatus status = fixture.status(id);
    CHECK(status.state() == cri::SANDBOX_READY);
    CHECK(status.network().ip().empty());
    CHECK(status.linux().namespaces().options().pid() == cri::NODE);
    CHECK(fixture.addresses_taken() == 0);
}

TEST_CASE("sandboxes are listed by id, state and labels", "[api][cri][root]") {
    PodFixture fixture;
    cri::PodSandboxConfig one = PodFixture::sandbox("one"), two = PodFixture::sandbox("two");
    (*one.mutable_labels())["tier"] = "a";
    (*two.mutable_labels())["tier"] = "b";
    const std::string first = fixture.run_pod(one), second = fixture.run_pod(two);
    fixture.stop_sandbox(first);
    CHECK(fixture.sandboxes().size() == 2);
    CHECK(fixture.sandboxes().front().id() == second);
    CHECK(count(fixture, [&](auto &filter) { filter.set_id(first); }) == 1);
    CHECK(count(fixture, [&](auto &filter) { filter.set_id("nothing"); }) == 0);
    CHECK(count(fixture, [](auto &filter) { filter.mutable_state()->set_state(cri::SANDBOX_READY); }) == 1);
    CHECK(count(fixture, [](auto &filter) { (*filter.mutable_label_selector())["tier"] = "a"; }) == 1);
    CHECK(count(fixture, [](auto &filter) { (*filter.mutable_label_selector())["tier"] = "c"; }) == 0);
}

TEST_CASE("docker sees pods, and cannot take them away", "[api][cri][root]") {
    PodFixture fixture;
    const std::string id = fixture.run_pod(PodFixture::sandbox("kept"));
    for (const std::vector<std::string> &words : std::vector<std::vector<std::string>>{
             {"rm", "-f", id}, {"restart", id}, {"rename", id, "other"}, {"update", "--restart", "always", id}}) {
        const Completed done = fixture.docker(words);
        CAPTURE(words.front());
        CHECK(done.status != 0);
        CHECK(done.errors.contains("belongs to a pod of Kubernetes"));
    }
    CHECK(fixture.status(id).state() == cri::SANDBOX_READY);
    fixture.stop_sandbox(id);
    (void)fixture.output_of({"container", "prune", "-f"});
    CHECK(fixture.docker({"start", id}).status != 0);
    CHECK(fixture.sandboxes().size() == 1);
}

TEST_CASE("what no pod can be made of is refused, and leaves nothing", "[api][cri][root]") {
    PodFixture fixture;
    const auto refused = [&fixture](const std::function<void(cri::PodSandboxConfig &)> &spoil) {
        cri::PodSandboxConfig config = PodFixture::sandbox("bad");
        spoil(config);
        return outcome_of(fixture, config);
    };
    CHECK(refused([](auto &config) { config.clear_metadata(); }).code == Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.mutable_metadata()->clear_name(); }).code == Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.mutable_metadata()->set_name("../../etc"); }).code ==
          Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.mutable_metadata()->set_uid("a/b"); }).code == Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.set_hostname("a b"); }).code == Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.set_log_directory("logs"); }).code == Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.mutable_dns_config()->add_servers("nowhere"); }).code ==
          Code::kInvalidArgument);
    CHECK(refused([](auto &config) { (*config.mutable_linux()->mutable_sysctls())["vm.swappiness"] = "1"; }).code ==
          Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.mutable_linux()->set_cgroup_parent("/not-a-slice"); }).code ==
          Code::kInvalidArgument);
    CHECK(refused([](auto &config) {
              config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
                  static_cast<cri::NamespaceMode>(77));
          }).code == Code::kInvalidArgument);
    CHECK(refused([](auto &config) { config.add_port_mappings()->set_host_port(70000); }).code ==
          Code::kInvalidArgument);
    cri::RunPodSandboxRequest handler;
    *handler.mutable_config() = PodFixture::sandbox("bad");
    handler.set_runtime_handler("other");
    CHECK(fixture.kubelet.ask<cri::RunPodSandboxResponse>("RuntimeService/RunPodSandbox", handler).outcome.code ==
          Code::kInvalidArgument);
    CHECK(fixture.sandboxes().empty());

    const std::string id = fixture.run_pod(PodFixture::sandbox("twice"));
    CHECK(outcome_of(fixture, PodFixture::sandbox("twice")).code == Code::kAlreadyExists);
    CHECK(fixture.sandboxes().size() == 1);

    // Without a network there are no pods but the host's.
    must(write_file("/etc/cni/net.d/10-pods.conflist", "{"));
    CHECK_FALSE(outcome_of(fixture, PodFixture::sandbox("lonely")).ok());
    const auto status =
        fixture.kubelet.answer<cri::StatusResponse>("RuntimeService/Status", cri::StatusRequest()).status();
    CHECK(status.conditions(0).status());
    CHECK_FALSE(status.conditions(1).status());
    CHECK(status.conditions(1).message().contains("10-pods.conflist"));
    fixture.remove_sandbox(id); // by the configuration that it was made with
    CHECK(fixture.sandboxes().empty());
    CHECK(fixture.addresses_taken() == 0);
    CHECK(fixture.attachments() == 0);
    CHECK(fixture.namespaces() == 0);
    CHECK(fs::is_empty(fixture.path("data/containers")));
}

TEST_CASE("a sandbox outlives the engine, and what ended meanwhile is taken away", "[api][cri][root]") {
    PodFixture fixture;
    const std::string id = fixture.run_pod(PodFixture::sandbox("stays")),
                      other = fixture.run_pod(PodFixture::sandbox("goes"));
    const int pid = fixture.pid_of(id), ended = fixture.pid_of(other);
    fixture.kill();
    REQUIRE(kill(ended, SIGKILL) == 0);
    fixture.start();
    CHECK(fixture.pid_of(id) == pid);
    CHECK(fixture.status(id).state() == cri::SANDBOX_READY);
    CHECK(fixture.status(id).network().ip() == "10.77.0.2");
    CHECK(PodFixture::eventually([&] { return fixture.status(other).state() == cri::SANDBOX_NOTREADY; }));
    CHECK(PodFixture::eventually([&] { return fixture.addresses_taken() == 1 && fixture.attachments() == 1; }));
}

TEST_CASE("a sandbox whose process or network namespace is gone is not ready", "[api][cri][root]") {
    PodFixture fixture;
    const std::string id = fixture.run_pod(PodFixture::sandbox("broken"));
    SECTION("its process was killed") {
        REQUIRE(kill(fixture.pid_of(id), SIGKILL) == 0);
        CHECK(PodFixture::eventually([&] { return fixture.status(id).state() == cri::SANDBOX_NOTREADY; }));
    }
    SECTION("its network namespace was taken away") {
        REQUIRE(umount2((fixture.path("run/pods") / id).c_str(), MNT_DETACH) == 0);
        CHECK(fixture.status(id).state() == cri::SANDBOX_NOTREADY);
    }
    fixture.remove_sandbox(id);
    CHECK(fixture.addresses_taken() == 0);
    CHECK(fixture.attachments() == 0);
    CHECK(fixture.namespaces() == 0);
}

TEST_CASE("without an operator's network pods get ours, with the node's addresses once it has some",
          "[api][cri][root]") {
    PodFixture fixture;
    must(make_directories(fixture.path("programs/cni")));
    std::string shipped = must(read_file("/etc/cni/net.d/10-pods.conflist"));
    shipped.replace(shipped.find("\"isGateway\""), 0, "\"forceAddress\":true,"); // as ours has it
    must(write_file(fixture.path("programs/cni/pods.conflist"), shipped));
    fs::remove("/etc/cni/net.d/10-pods.conflist");
    const auto update = [&fixture](const std::string &ranges) {
        cri::UpdateRuntimeConfigRequest request;
        request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(ranges);
        return fixture.kubelet.ask<cri::UpdateRuntimeConfigResponse>("RuntimeService/UpdateRuntimeConfig", request)
            .outcome.code;
    };
    const auto address_of = [&fixture](const std::string &pod) {
        return fixture.status(fixture.run_pod(PodFixture::sandbox(pod))).network().ip();
    };
    CHECK(address_of("one").starts_with("10.77.0."));
    for (const char *bad : {"10.244.1.0", "10.244.1.0/32", "0.0.0.0/0", "10.1.0.0/24,10.2.0.0/24", "a/b", ","}) {
        CAPTURE(bad);
        CHECK(update(bad) == Code::kInvalidArgument);
    }
    CHECK(update("") == Code::kOk);
    CHECK(update("10.78.0.0/24") == Code::kOk);
    CHECK(address_of("two").starts_with("10.78.0."));
    fixture.stop();
    fixture.start();
    CHECK(address_of("three").starts_with("10.78.0."));

    cri::StatusRequest request;
    request.set_verbose(true);
    const auto status = fixture.kubelet.answer<cri::StatusResponse>("RuntimeService/Status", request);
    CHECK(status.status().conditions(1).status());
    CHECK(status.info().at("networkConfiguration").contains("10.78.0.0/24"));
    CHECK(status.info().at("dataRoot") == fixture.path("data"));

    // An operator's file counts at once, as it is.
    must(write_file("/etc/cni/net.d/20-other.conflist", "{"));
    const auto broken = fixture.kubelet.answer<cri::StatusResponse>("RuntimeService/Status", cri::StatusRequest());
    CHECK_FALSE(broken.status().conditions(1).status());
}
