// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include "base/file_io.h"
#include "base/log.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"

namespace ballast::engine {
namespace {

std::string advice(const Snapshot &data) {
    return data.state.phase == Phase::kPaused
               ? "container is paused and must be unpaused first"
               : "container is running: stop the container before removing or force remove";
}

} // namespace

// Under `operation`, of a container that does not run.
Status Engine::Core::remove(const ContainerPtr &container, const RemoveOptions &options) {
    {
        const std::scoped_lock lock(container->mutex);
        if (container->removed) {
            return fail(ENOENT, "No such container: " + container->id);
        }
        State &state = container->data.state;
        if (state.running()) {
            return fail(EBUSY, "cannot remove container \"/" + container->data.name + "\": " + advice(container->data));
        }
        container->restart_ticket++;
        container->data.removes_volumes = options.volumes;
        state.phase = next_phase(state.phase, Transition::kRemove).value_or(Phase::kRemoving);
        TRY(save(*container)); // a daemon that is killed now goes on with it
    }
    const Status done = remove_files(container, options.volumes);
    if (!done) {
        const std::scoped_lock lock(container->mutex);
        container->data.state.phase = Phase::kDead;
        container->data.state.error = done.error().message;
        (void)save(*container); // the error that matters is the first one
        return done;
    }
    const Snapshot data = container->snapshot();
    {
        const std::scoped_lock lock(registry);
        containers.erase(container->id);
        names.erase(data.name);
    }
    std::vector<std::shared_ptr<Attachment::Shared>> waiting;
    {
        const std::scoped_lock lock(container->mutex);
        container->removed = true;
        waiting.swap(container->waiting);
        container->changed.notify_all();
    }
    for (const auto &one : waiting) {
        one->finish(fail(ENOENT, "No such container: " + container->id));
    }
    event(*container, "destroy");
    return {};
}

Status Engine::Core::remove_files(const ContainerPtr &container, bool with_volumes) {
    const Paths path = paths(container->id);
    if (container->snapshot().pod.network) {
        TRY(pod_network->detach(container->id, pod_namespace(container->id)));
    }
    unmount_rootfs(*container);
    TRY(remove_tree(path.run));
    if (with_volumes) {
        remove_anonymous_volumes(container);
    }
    // Everything but the record, then the record: a removal that was interrupted is seen as one.
    for (const char *part : {"upper", "work", "logs", "hosts", "hostname", "resolv.conf", "exit.json", kNewVolumes}) {
        TRY(remove_tree(path.disk / part));
    }
    return remove_tree(path.disk);
}

void Engine::Core::remove_anonymous_volumes(const ContainerPtr &container) {
    const Snapshot data = container->snapshot();
    std::set<std::string> others;
    for (const ContainerPtr &other : all()) {
        if (other == container) {
            continue;
        }
        for (const MountPoint &mount : other->snapshot().mounts) {
            others.insert(mount.name);
        }
    }
    for (const MountPoint &mount : data.mounts) {
        if (!mount.anonymous || mount.type != "volume" || others.contains(mount.name)) {
            continue;
        }
        if (const Status removed = volumes->remove(mount.name); removed) {
            events.publish({.type = "volume",
                            .action = "destroy",
                            .actor = mount.name,
                            .attributes = {{"driver", "local"}},
                            .time = kNever});
        } else if (removed.error().code != ENOENT) { // by a removal that was interrupted
            log::warning(removed.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container->id)}});
        }
    }
}

Status Engine::remove(const std::string &reference, const RemoveOptions &options) {
    const ContainerPtr container = TRY(core_->find(reference));
    TRY(refuse_for_pods(container->snapshot(), "remove"));
    if (options.link) {
        return fail(ENOTSUP,
                    "a link alone is not removed: remove the container that has it, or put both on one network, "
                    "where names resolve");
    }
    while (options.force) {
        {
            const std::scoped_lock lock(container->mutex);
            container->data.has_been_manually_stopped = true;
            container->stopping = true;
            container->spared = true; // we do
            if (!container->data.state.running()) {
                break;
            }
        }
        Status killed = core_->signal(*container, SIGKILL);
        if (killed && !core_->wait_until_ended(*container, std::chrono::seconds(20))) {
            killed = fail(EBUSY, "cannot remove container \"/" + container->snapshot().name +
                                     "\": could not kill: tried to kill container, but did not receive an exit event");
        }
        if (!killed) {
            const std::scoped_lock lock(container->mutex);
            container->spared = false;
            if (container->data.host.auto_remove && !container->data.state.running()) {
                core_->remove_soon(container); // it ended just now, and we had said that we would
            }
            return killed;
        }
    }
    const std::scoped_lock operation(container->operation);
    return core_->remove(container, options);
}

Result<Pruned> Engine::prune_containers(const Filters &filters) {
    Pruned result;
    for (const Snapshot &data : TRY(list({.all = true, .limit = 0, .size = true, .filters = filters}))) {
        if (data.pod.given() || (data.state.phase != Phase::kExited && data.state.phase != Phase::kCreated &&
                                 data.state.phase != Phase::kDead)) {
            continue;
        }
        if (const Status removed = remove(data.id, {}); removed) {
            result.removed.push_back(data.id);
            result.space_reclaimed += static_cast<std::uint64_t>(data.size_rw.value_or(0));
        } else {
            log::warning("prune: " + removed.error().message + ", ignoring"); // it was started meanwhile
        }
    }
    core_->events.publish({.type = "container",
                           .action = "prune",
                           .actor = "",
                           .attributes = {{"reclaimed", std::to_string(result.space_reclaimed)}},
                           .time = kNever});
    return result;
}

} // namespace ballast::engine
