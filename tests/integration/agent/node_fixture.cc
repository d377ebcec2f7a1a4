// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/agent/node_fixture.h"

#include <csignal>
#include <filesystem>
#include <format>

namespace ballast::agent_tests {
namespace {

namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

constexpr auto kPatience = std::chrono::seconds(60); // of a test that would hang

bool holds_nothing(const fs::path &directory) {
    std::error_code error;
    return !fs::exists(directory, error) || fs::is_empty(directory, error);
}

} // namespace

NodeFixture::NodeFixture(const std::string &more_configuration) {
    must(make_directories(path("manifests")));
    must(write_file(path("config.yaml"), std::format(R"(apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: {}
containerRuntimeEndpoint: unix://{}
podLogsDir: {}
cgroupsPerQOS: false
crashLoopBackOff: {{maxContainerRestartPeriod: 1s}}
)",
                                                     path("manifests").string(), (path("run") / "cri.sock").string(),
                                                     path("pod-logs").string()) +
                                             more_configuration));
}

NodeFixture::~NodeFixture() {
    if (agent_) {
        (void)agent_->signal(SIGKILL);
        (void)agent_->wait(kPatience);
    }
}

void NodeFixture::start_agent() {
    std::vector<std::string> arguments = {BALLAST_AGENT_PROGRAM,
                                          "--config",
                                          path("config.yaml").string(),
                                          "--root-dir",
                                          path("kubelet").string(),
                                          "--container-logs-dir",
                                          path("container-logs").string(),
                                          "--hostname-override",
                                          "node",
                                          "-v=4"};
    arguments.insert(arguments.end(), more_flags_.begin(), more_flags_.end());
    agent_ = must(Child::start({.arguments = std::move(arguments), .log = path("agent-log")}));
}

void NodeFixture::stop_agent() {
    must(agent_->signal(SIGTERM));
    REQUIRE(must(agent_->wait(kPatience)) == 0);
    agent_.reset();
}

void NodeFixture::kill_agent() {
    must(agent_->signal(SIGKILL));
    REQUIRE(must(agent_->wait(kPatience)) == 128 + SIGKILL);
    agent_.reset();
}

std::string NodeFixture::agent_log() const { return read_file(path("agent-log")).value_or(""); }

void NodeFixture::manifest(const std::string &name, const std::string &spec) const {
    must(replace_file(path("manifests") / (name + ".yaml"), "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
                                                                ", labels: {app: " + name + "}}\nspec:\n" + spec));
}

void NodeFixture::no_manifest(const std::string &name) const { fs::remove(path("manifests") / (name + ".yaml")); }

std::string NodeFixture::container(const std::string &name, const std::string &arguments, const std::string &more) {
    return "  - {name: " + name + ", image: inside, imagePullPolicy: Never, args: [" + arguments + "]" +
           (more.empty() ? "" : ", " + more) + "}\n";
}

std::vector<cri::Container> NodeFixture::containers() {
    const auto list =
        kubelet.answer<cri::ListContainersResponse>("RuntimeService/ListContainers", cri::ListContainersRequest());
    return {list.containers().begin(), list.containers().end()};
}

std::optional<cri::Container> NodeFixture::newest(const std::string &name) {
    std::optional<cri::Container> found;
    for (const cri::Container &container : containers()) {
        if (container.metadata().name() == name && (!found || container.created_at() > found->created_at())) {
            found = container;
        }
    }
    return found;
}

cri::ContainerStatus NodeFixture::container_status(const std::string &id) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    return kubelet.answer<cri::ContainerStatusResponse>("RuntimeService/ContainerStatus", request).status();
}

bool NodeFixture::runs(const std::string &name) {
    const auto found = newest(name);
    return found && found->state() == cri::CONTAINER_RUNNING;
}

void NodeFixture::until(const std::function<bool()> &condition, const std::string &what) {
    if (!eventually(condition)) {
        FAIL(what << "\n" << agent_log() << "\n" << log());
    }
}

fs::path NodeFixture::directory_of(const std::string &container_name) {
    return path("kubelet") / "pods" / newest(container_name).value().labels().at("io.kubernetes.pod.uid");
}

bool NodeFixture::nothing_left() {
    return sandboxes().empty() && containers().empty() && holds_nothing(path("kubelet/pods")) &&
           holds_nothing(path("pod-logs")) && holds_nothing(path("container-logs"));
}

} // namespace ballast::agent_tests
