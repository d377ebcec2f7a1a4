// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/cri_client/observed.h"
#include "agent/cri_client/pull_credentials.h"
#include "agent/cri_client/usage.h"
#include "base/result.h"

namespace runtime::v1 {
class ContainerConfig;
class PodSandboxConfig;
} // namespace runtime::v1

namespace ballast::agent {

// What of a process is carried.
struct StreamChoice {
    bool input = false, output = false, errors = false, terminal = false;
};

struct ExecResult {
    int exit_code = 0;
    std::string output = {}; // stdout and then stderr
};

// A container runtime behind Kubernetes' interface (CRI v1), over a Unix socket. Several threads may ask at once.
// Errors begin with what was asked; EAGAIN: nobody answers there now, ETIMEDOUT: it takes too long, ECANCELED: `stop`
// was asked for, ENOENT and others as the runtime says.
class Runtime {
  public:
    Runtime(std::filesystem::path socket, std::chrono::nanoseconds patience);
    ~Runtime();
    Runtime(const Runtime &) = delete;
    Runtime &operator=(const Runtime &) = delete;

    // "ballastd 0.1.0"
    Result<std::string> version();
    // Empty: the runtime and its network are ready. Else which conditions do not hold and why, in kubelet's words.
    Result<std::string> trouble();

    struct ImageOnNode {
        std::vector<std::string> names = {}; // digests first, then tags
        std::int64_t size = 0;               // bytes
        std::string id = {};
        bool pinned = false; // never to be removed
    };
    Result<std::vector<ImageOnNode>> images();
    // IDs and names of the images of all containers, those that have ended among them.
    Result<std::set<std::string>> images_in_use();
    Status remove_image(const std::string &id);
    // A directory in the file system where images are.
    Result<std::filesystem::path> image_files();

    // Calls `changed` with the UID of a pod to which something has happened, from now on, until `stop` is asked for or
    // the runtime is gone. ENOTSUP: it cannot tell.
    Status follow(const std::function<void(const std::string &pod_uid)> &changed, std::stop_token stop);

    // Every pod that carries kubelet's labels. What an ended container is known to be is not asked for again.
    Result<ObservedPods> pods();

    Result<std::string> run_sandbox(const ::runtime::v1::PodSandboxConfig &config, std::stop_token stop = {});
    Status stop_sandbox(const std::string &id);
    Status remove_sandbox(const std::string &id);
    // Empty when it has none of its own.
    Result<std::string> sandbox_address(const std::string &id);

    Result<std::string> create_container(const std::string &sandbox, const ::runtime::v1::ContainerConfig &config,
                                         const ::runtime::v1::PodSandboxConfig &sandbox_config);
    Status start_container(const std::string &id);
    Status stop_container(const std::string &id, std::chrono::seconds grace);
    Status remove_container(const std::string &id);
    // Its log's file was given another name: it begins a new one.
    Status reopen_log(const std::string &id);
    // ETIMEDOUT when it takes longer than `timeout`.
    Result<ExecResult> exec(const std::string &id, const std::vector<std::string> &command,
                            std::chrono::seconds timeout, std::stop_token stop = {});

    // One container, as it is now. ENOENT: it is gone.
    Result<ObservedContainer> container(const std::string &id);

    // What every pod that carries kubelet's labels uses.
    Result<std::vector<PodUsage>> usage();

    // URLs where the runtime carries streams; each is good for one connection, and soon.
    Result<std::string> exec_url(const std::string &id, const std::vector<std::string> &command, StreamChoice streams);
    Result<std::string> attach_url(const std::string &id, StreamChoice streams);
    Result<std::string> forward_url(const std::string &sandbox, const std::vector<std::uint16_t> &ports);

    struct ImageFacts {
        std::string reference; // what containers are created by
        std::optional<std::int64_t> user;
        std::string user_name;
    };
    Result<std::optional<ImageFacts>> image(const std::string &name);
    Status pull(const std::string &name, const PullCredentials &credentials,
                const ::runtime::v1::PodSandboxConfig &sandbox_config, std::stop_token stop);

  private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

} // namespace ballast::agent
