// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "runtime/engine/engine.h"
#include "runtime/engine/pod_events.h"
#include "runtime/engine/pod_limits.h"
#include "runtime/engine/usage.h"

// Pods as Kubernetes' container runtime interface has them: containers of the engine, like all others. A sandbox is a
// container whose only process is ballast-pause, which holds the namespaces that the pod's containers join. Each of
// these runs once. Docker's clients see them, and cannot start, change or remove them.
namespace ballast::engine {

struct SandboxRequest {
    Pod pod = {};              // its role is set here
    std::string hostname = {}; // empty: its short ID, or the host's
    // Of it: cgroup_parent, network_mode (none: CNI's, host), pid_mode, ipc_mode, sysctls, security_opt.
    HostConfig host = {};
    IdMappings ids = {}; // of the pod's user namespace; none: the host's
};

// Whose containers, in which states; empty: all.
struct PodFilter {
    std::string id = {};      // or a prefix that no other has
    std::string sandbox = {}; // of containers; the same
    Labels labels = {};
};

// What a program in a container said, as far as there is room for it, and how it ended.
struct RunInside {
    std::string output = {}, errors = {};
    int exit_code = 0;
};
inline constexpr std::size_t kMostOutput = (16UL << 20) - (64UL << 10); // bytes of both: an answer has at most 16 MiB

class Pods {
  public:
    explicit Pods(Engine::Core &core) : core_(&core) {}

    // The sandbox's ID. EEXIST when there is a pod of that name, namespace, uid and attempt; EAGAIN while there is no
    // network. When it fails nothing is left, or what is left is listed and can be removed.
    Result<std::string> run(SandboxRequest request);
    // Ends all that runs in it, and gives back what it has of networks. Can be called again; ENOENT: there is none.
    Status stop(const std::string &sandbox);
    // Stops it and removes it with all its containers. ENOENT as above.
    Status remove(const std::string &sandbox);
    // ENOENT "No such sandbox: X". `ready`: whether containers can be started in it.
    Result<Snapshot> sandbox(const std::string &reference) const;
    bool ready(const Snapshot &sandbox) const;
    std::string network_namespace(const Snapshot &sandbox) const;   // a file; empty: the host's
    std::string runtime_spec(const Snapshot &any) const;            // its config.json; empty before its start
    std::vector<Snapshot> sandboxes(const PodFilter &filter) const; // newest first

    // A container in a sandbox that is ready: EBUSY otherwise. Namespaces, cgroup parent and log are the sandbox's
    // business and set here; `pid` of the request's host: "" (as the sandbox says), "private", "host", "container:ID".
    Result<std::string> create(const std::string &sandbox, CreateRequest request);
    // EBUSY unless it was never started.
    Status start(const std::string &container);
    // SIGKILL after `timeout` seconds, at once when it is 0. It need not run.
    Status stop(const std::string &container, int timeout);
    // What is not said stays.
    Status update(const std::string &container, PodLimits limits);
    // Its log by its name again, once whoever rotates it has renamed the file. EBUSY: it does not run.
    Status reopen_log(const std::string &container);
    // Runs a program and waits for it. ETIMEDOUT, ECANCELED: it was killed.
    Result<RunInside> run(const std::string &container, Texts command, std::optional<std::chrono::seconds> timeout,
                          const std::stop_token &stop);
    Status remove_container(const std::string &container);
    Result<Snapshot> container(const std::string &reference) const;  // ENOENT "No such container: X"
    std::vector<Snapshot> containers(const PodFilter &filter) const; // newest first

    // What happens from now on.
    std::unique_ptr<PodEvents::Subscription> events() const;

    // What they use. A container need not run.
    Result<ContainerUsage> container_usage(const std::string &reference) const;
    std::vector<ContainerUsage> container_usages(const PodFilter &filter) const;
    Result<PodUsage> pod_usage(const std::string &reference) const;
    std::vector<PodUsage> pod_usages(const PodFilter &filter) const; // those that are ready
    DiskUse writable_layers() const; // of all containers of the engine; some seconds old

    // Can pods have networks? The error says why not.
    Status network_ready() const;
    std::string network_configuration() const; // that new pods get, as JSON; or why there is none
    // Where the shipped configuration takes their addresses from: PodNetwork::set_ranges().
    Status set_ranges(const std::string &ranges) const;

  private:
    Result<std::shared_ptr<struct Container>> find(const std::string &reference, Pod::Role role) const;
    std::vector<Snapshot> list(const PodFilter &filter, Pod::Role role) const;

    Engine::Core *core_;
};

// "k8s_POD_NAME_NAMESPACE_UID_ATTEMPT" and "k8s_CONTAINER_NAME_NAMESPACE_UID_ATTEMPT", as users of Docker know them.
// EINVAL for what is missing in them, or no part of a name.
Result<std::string> sandbox_name(const Pod &sandbox);
Result<std::string> container_name(const Pod &container, const Pod &sandbox);

} // namespace ballast::engine
