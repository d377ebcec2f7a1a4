// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>
#include <memory>

#include "runtime/engine/container_files.h"
#include "runtime/engine/core.h"
#include "runtime/engine/plan.h"
#include "runtime/engine/scope.h"

// What a container needs before its program can be started: directories, user namespace, network, root file system,
// files, mounts, and the plan (the bundle's config.json) that names them.
namespace ballast::engine {

class Preparation {
  public:
    Preparation(Engine::Core &core, const ContainerPtr &container)
        : core_(core), container_(container), data_(container->snapshot()), path_(core.paths(container->id)),
          settings_(core.settings()) {}

    // All but the network, which is still being made when this returns. Whoever called it tears down what a failed one
    // leaves.
    Status prepare();
    // The network is there, and its addresses are in data().
    Status wait_for_network();
    // Nobody makes it any more, whatever became of it.
    void end_network() const;

    // The container's record, with what it has been given.
    Snapshot &data() { return data_; }
    const Settings &settings() const { return settings_; }
    const Paths &paths() const { return path_; }
    const ScopePlan &scope() const { return scope_; } // empty without control groups

  private:
    Status prepare_user_namespace();
    Status join_user_namespace(const Snapshot &other);
    Status open_user_namespace();
    BorrowedFd user_namespace() const;
    Status prepare_network();
    Result<int> process_of(const std::string &reference);
    Status write_files();
    Status join_namespaces();
    Status mount_shm();
    Status prepare_mounts();
    Result<std::string> volume_source(const MountPoint &mount);
    Status plan();

    Engine::Core &core_;
    const ContainerPtr &container_;
    Snapshot data_;
    std::shared_ptr<const image::Users> users_;
    Paths path_;
    Settings settings_;
    PlanInput input_;
    ScopePlan scope_;
    FileNetwork files_;
    Texts addresses_;             // of a pod, once `network_` is there
    std::future<Status> network_; // last: ends before what it works with
};

} // namespace ballast::engine
