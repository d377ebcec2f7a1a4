// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/api/pod_fixture.h"

#include <filesystem>
#include <sys/mount.h>

namespace ballast::api_tests {
namespace {

namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

constexpr const char *kConfigurations = "/etc/cni";

std::size_t entries(const fs::path &directory) {
    std::error_code error;
    const fs::directory_iterator first(directory, error);
    return error ? 0 : static_cast<std::size_t>(std::distance(first, fs::directory_iterator()));
}

} // namespace

PodFixture::PodFixture() : kubelet(*this) {
    for (const char *part : {"etc/upper", "etc/work"}) {
        must(make_directories(path(part)));
    }
    const std::string options =
        "lowerdir=/etc,upperdir=" + path("etc/upper").string() + ",workdir=" + path("etc/work").string();
    REQUIRE(::mount("etc", "/etc", "overlay", 0, options.c_str()) == 0); // in the test's mount namespace
    must(make_directories(fs::path(kConfigurations) / "net.d"));
    must(write_file(fs::path(kConfigurations) / "net.d/10-pods.conflist",
                    R"({"cniVersion":"1.0.0","name":"pods","plugins":[
                        {"type":"bridge","bridge":"pods0","isGateway":true,
                         "ipam":{"type":"host-local","dataDir":")" +
                        path("addresses").string() +
                        R"(","ranges":[[{"subnet":"10.77.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]})"));
}

PodFixture::~PodFixture() {
    const auto left =
        kubelet.ask<cri::ListPodSandboxResponse>("RuntimeService/ListPodSandbox", cri::ListPodSandboxRequest());
    for (const cri::PodSandbox &sandbox : left.response.items()) {
        cri::RemovePodSandboxRequest request;
        request.set_pod_sandbox_id(sandbox.id());
        (void)kubelet.ask<cri::RemovePodSandboxResponse>("RuntimeService/RemovePodSandbox", request);
    }
    (void)ballast::run({.arguments = {"ip", "link", "delete", "pods0"}}); // it may not have been made
    (void)::umount2("/etc", MNT_DETACH);
}

cri::PodSandboxConfig PodFixture::sandbox(const std::string &name) {
    cri::PodSandboxConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_namespace_("default");
    config.mutable_metadata()->set_uid("11-22");
    config.set_hostname(name);
    return config;
}

std::string PodFixture::run_pod(const cri::PodSandboxConfig &config) {
    cri::RunPodSandboxRequest request;
    *request.mutable_config() = config;
    const auto reply = kubelet.ask<cri::RunPodSandboxResponse>("RuntimeService/RunPodSandbox", request);
    INFO(reply.outcome.message << "\n" << log());
    REQUIRE(reply.outcome.ok());
    return reply.response.pod_sandbox_id();
}

cri::PodSandboxStatus PodFixture::status(const std::string &sandbox) {
    cri::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(sandbox);
    return kubelet.answer<cri::PodSandboxStatusResponse>("RuntimeService/PodSandboxStatus", request).status();
}

std::vector<cri::PodSandbox> PodFixture::sandboxes() {
    const auto list =
        kubelet.answer<cri::ListPodSandboxResponse>("RuntimeService/ListPodSandbox", cri::ListPodSandboxRequest());
    return {list.items().begin(), list.items().end()};
}

void PodFixture::stop_sandbox(const std::string &id) {
    cri::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    (void)kubelet.answer<cri::StopPodSandboxResponse>("RuntimeService/StopPodSandbox", request);
}

void PodFixture::remove_sandbox(const std::string &id) {
    cri::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    (void)kubelet.answer<cri::RemovePodSandboxResponse>("RuntimeService/RemovePodSandbox", request);
}

int PodFixture::pid_of(const std::string &id) const {
    return std::stoi(output_of({"inspect", "-f", "{{.State.Pid}}", id}));
}

std::size_t PodFixture::addresses_taken() const {
    std::size_t count = 0;
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(path("addresses/pods"), error)) {
        count += entry.path().filename().string().starts_with("10.") ? 1 : 0;
    }
    return count;
}

std::size_t PodFixture::attachments() const { return entries(path("data/cni")); }
std::size_t PodFixture::namespaces() const { return entries(path("run/pods")); }

std::string PodFixture::in_network(const std::string &sandbox, const std::vector<std::string> &words) const {
    Command command{.arguments = {"nsenter", "--net=" + (path("run/pods") / sandbox).string()}};
    command.arguments.insert(command.arguments.end(), words.begin(), words.end());
    return must(run_checked(command));
}

std::string namespace_of(int pid, const char *kind) {
    return fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/" + kind).string();
}

} // namespace ballast::api_tests
