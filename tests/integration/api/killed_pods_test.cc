// SPDX-License-Identifier: Apache-2.0
// SIGKILL of the daemon at moments spread over the lives of pods: what is listed afterwards is what runs, another pod
// notices nothing, and nothing leaks: no address of the network's plugin, no namespace, mount, interface or process.
#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <stop_token>
#include <thread>

#include "tests/integration/api/pod_fixture.h"
#include "tests/integration/orphans.h"

using namespace ballast;
using ballast::api_tests::DaemonFixture;
using ballast::api_tests::PodFixture;
namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kKills = 12;

struct World : PodFixture {
    int cycles = 0;

    // Asks as kubelet does, who goes on with another pod when something fails.
    template <typename Response, typename Request>
    std::optional<Response> try_ask(const std::string &method, const Request &request) {
        const auto reply = kubelet.ask<Response>("RuntimeService/" + method, request);
        return reply.outcome.ok() ? std::optional(reply.response) : std::nullopt;
    }
    std::optional<std::string> make_pod(const std::string &name, std::uint32_t attempt) {
        cri::RunPodSandboxRequest run;
        *run.mutable_config() = sandbox(name);
        run.mutable_config()->mutable_metadata()->set_attempt(attempt);
        const auto made = try_ask<cri::RunPodSandboxResponse>("RunPodSandbox", run);
        return made ? std::optional(made->pod_sandbox_id()) : std::nullopt;
    }
    std::optional<std::string> make_container(const std::string &pod, const std::string &name) {
        cri::CreateContainerRequest create;
        create.set_pod_sandbox_id(pod);
        create.mutable_config()->mutable_metadata()->set_name(name);
        create.mutable_config()->mutable_image()->set_image("inside");
        create.mutable_config()->add_args("wait");
        const auto made = try_ask<cri::CreateContainerResponse>("CreateContainer", create);
        cri::StartContainerRequest start;
        start.set_container_id(made ? made->container_id() : "");
        return made && try_ask<cri::StartContainerResponse>("StartContainer", start)
                   ? std::optional(made->container_id())
                   : std::nullopt;
    }
    // All of a pod's life, or as far as it comes.
    void cycle() {
        const std::optional<std::string> pod = make_pod("fresh", static_cast<std::uint32_t>(cycles++));
        const std::optional<std::string> first = pod ? make_container(*pod, "first") : std::nullopt;
        if (!first || !make_container(*pod, "second")) {
            return;
        }
        cri::ExecSyncRequest exec;
        exec.set_container_id(*first);
        exec.add_cmd("/inside");
        cri::StopContainerRequest stop;
        stop.set_container_id(*first);
        cri::RemoveContainerRequest remove;
        remove.set_container_id(*first);
        cri::StopPodSandboxRequest stop_pod;
        stop_pod.set_pod_sandbox_id(*pod);
        cri::RemovePodSandboxRequest remove_pod;
        remove_pod.set_pod_sandbox_id(*pod);
        (void)(try_ask<cri::ExecSyncResponse>("ExecSync", exec) &&
               try_ask<cri::StopContainerResponse>("StopContainer", stop) &&
               try_ask<cri::RemoveContainerResponse>("RemoveContainer", remove) &&
               try_ask<cri::StopPodSandboxResponse>("StopPodSandbox", stop_pod) &&
               try_ask<cri::RemovePodSandboxResponse>("RemovePodSandbox", remove_pod));
    }
    std::vector<cri::Container> containers() {
        const auto list =
            kubelet.answer<cri::ListContainersResponse>("RuntimeService/ListContainers", cri::ListContainersRequest());
        return {list.containers().begin(), list.containers().end()};
    }

    // What the lists say that is not so; empty: nothing.
    std::string untruths() {
        std::string wrong;
        std::set<std::string> pods;
        for (const cri::PodSandbox &pod : sandboxes()) {
            pods.insert(pod.id());
            const int pid = pid_of(pod.id());
            const bool runs = pid > 0 && fs::exists("/proc/" + std::to_string(pid) + "/ns/net");
            const bool ready = pod.state() == cri::SANDBOX_READY;
            wrong += ready == runs ? "" : "sandbox " + pod.id() + (ready ? " is not ready\n" : " runs\n");
        }
        for (const cri::Container &container : containers()) {
            const int pid = pid_of(container.id());
            const bool runs = pid > 0 && fs::exists("/proc/" + std::to_string(pid) + "/ns/net");
            const bool running = container.state() == cri::CONTAINER_RUNNING;
            wrong += running == runs ? "" : "container " + container.id() + (running ? " has ended\n" : " runs\n");
            wrong += pods.contains(container.pod_sandbox_id()) ? "" : container.id() + " has no sandbox\n";
        }
        return wrong;
    }
    // Of pods that are there, or of none: interfaces and what the network's plugin gave out, namespaces, mounts,
    // processes of containers.
    std::string holdings() const {
        std::ifstream table("/proc/self/mountinfo");
        std::size_t mounts = 0;
        for (std::string line; std::getline(table, line);) {
            mounts += line.contains(path("").string()) ? 1 : 0;
        }
        std::size_t processes = 0;
        for (const fs::directory_entry &entry : fs::directory_iterator("/proc")) {
            std::error_code error; // it may have ended
            const std::string program = fs::read_symlink(entry.path() / "exe", error).filename().string();
            const fs::path mounts_of = fs::read_symlink(entry.path() / "ns/mnt", error); // the test has its own
            processes += program == "ballast-monitor" && mounts_of == fs::read_symlink("/proc/self/ns/mnt") ? 1 : 0;
        }
        return "addresses " + std::to_string(addresses_taken()) + ", attachments " + std::to_string(attachments()) +
               ", namespaces " + std::to_string(namespaces()) + ", mounts " + std::to_string(mounts) + ", monitors " +
               std::to_string(processes) + ", interfaces " + shell("ip -br link show type veth | wc -l");
    }
    bool settles(const std::string &wanted) const {
        return eventually([&] { return holdings() == wanted; }); // some goes in the background
    }
    void remove_all_but(const std::string &kept) {
        for (const cri::PodSandbox &pod : sandboxes()) {
            if (pod.id() != kept) {
                remove_sandbox(pod.id());
            }
        }
    }
};

// Does for the orphans of a killed daemon what the first process of a machine does.
class MachinesFirst {
  public:
    MachinesFirst() { testing::adopt_orphans(); }

  private:
    std::jthread reaper_{[](const std::stop_token &stop) {
        while (!stop.stop_requested()) {
            testing::reap_orphans();
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    }};
};

} // namespace

TEST_CASE("after a kill of the daemon the lists of pods tell the truth, and nothing leaks", "[api][cri][root]") {
    World world;
    const MachinesFirst first;
    const std::optional<std::string> kept = world.make_pod("kept", 0);
    REQUIRE(kept);
    REQUIRE(world.make_container(*kept, "app"));
    const std::string address = world.status(*kept).network().ip();
    const std::string holdings = world.holdings();
    CAPTURE(holdings);
    CHECK(holdings.contains("monitors 2"));
    const Clock::time_point began = Clock::now();
    world.cycle();
    const auto whole = Clock::now() - began;
    REQUIRE(world.settles(holdings));
    for (int kill = 0; kill < kKills; kill++) {
        CAPTURE(kill);
        {
            const std::jthread client([&world] { world.cycle(); });
            std::this_thread::sleep_for(whole * kill / kKills);
            world.kill();
        }
        world.DaemonFixture::start();
        INFO(world.log());
        CHECK(DaemonFixture::eventually([&] { return world.untruths().empty(); }));
        CHECK(world.untruths() == "");
        CHECK(world.status(*kept).state() == cri::SANDBOX_READY);
        CHECK(world.status(*kept).network().ip() == address);
        world.remove_all_but(*kept);
        CHECK(world.sandboxes().size() == 1);
        CHECK(world.containers().size() == 1);
        CHECK(world.settles(holdings));
        CHECK(world.holdings() == holdings);
    }
    world.cycle(); // and all of it works
    CHECK(world.settles(holdings));
}
