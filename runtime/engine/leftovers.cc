// SPDX-License-Identifier: Apache-2.0
// What the daemon's last life left: directories, mounts, sockets and scopes that belong to no container, or to none
// that runs.
#include <sstream>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/log.h"
#include "runtime/engine/consoles.h"
#include "runtime/engine/core.h"
#include "runtime/engine/image_mounts.h"
#include "runtime/engine/names.h"
#include "runtime/engine/scope.h"
#include "runtime/network/namespace.h"

namespace ballast::engine {
namespace {

constexpr std::uint64_t kLargestList = 8UL << 20;

} // namespace

// A container that was being created: the volumes that were made for it alone.
void Engine::Core::remove_volumes_of_creation(const fs::path &directory) {
    std::istringstream lines(read_file(directory / kNewVolumes, kLargestList).value_or(""));
    const std::set<std::string> used = volumes_in_use();
    for (std::string name; std::getline(lines, name);) {
        if (!used.contains(name)) {
            (void)volumes->remove(name); // ENOENT: it was not made yet
        }
    }
}

void Engine::Core::remove_leftovers() {
    const Settings now = settings();
    std::error_code error;
    // Directories of containers that were never recorded, or whose removal was interrupted at its last step.
    for (const fs::directory_entry &entry : fs::directory_iterator(now.data_root / "containers", error)) {
        const std::string id = entry.path().filename();
        const bool broken = fs::exists(entry.path() / "config.json.broken", error);
        if (is_id(id) && !broken && !containers.contains(id)) {
            remove_volumes_of_creation(entry.path());
            (void)remove_tree(entry.path()); // tried again at the next start
        }
    }
    for (const fs::directory_entry &entry : fs::directory_iterator(now.run_root / "containers", error)) {
        const std::string id = entry.path().filename();
        if (is_id(id) && !containers.contains(id)) {
            (void)oci({"delete", "--force", id}); // mostly there is none
            (void)umount2((entry.path() / "rootfs").c_str(), MNT_DETACH);
            (void)umount2((entry.path() / "shm").c_str(), MNT_DETACH);
            network::drop_namespace(paths(id).user_namespace);
            unmount_images(entry.path() / "images");
            (void)remove_tree(entry.path()); // tried again at the next start
        }
    }
    // What the runtime still knows of a container that has neither: its `delete` was killed.
    for (const fs::directory_entry &entry : fs::directory_iterator(now.run_root / "oci", error)) {
        const std::string id = entry.path().filename();
        if (is_id(id) && !fs::exists(now.run_root / "containers" / id, error)) {
            (void)oci({"delete", "--force", id}); // tried again at the next start
        }
    }
    for (const fs::directory_entry &entry : fs::directory_iterator(now.run_root / "monitor", error)) {
        const std::string id = entry.path().stem();
        // Consoles later, when it is known which monitors live. By its record a container that we were starting does
        // not run, and its monitor is to be asked all the same.
        if (!is_console(entry.path()) && !containers.contains(id)) {
            (void)unlink(entry.path().c_str());
        }
    }
}

// One that we were making: who asks systemd for it may still be there.
void Engine::Core::stop_scope_of(const Snapshot &container) const {
    const Settings now = settings();
    if (!now.cgroups) {
        return;
    }
    const fs::path program = now.program(now.scope_program, "ballast-oci-scope");
    const std::string parent = container.host.cgroup_parent.empty() ? now.cgroup_parent : container.host.cgroup_parent;
    const Result<ScopePlan> scope = plan_scope(container.id, parent);
    const Status asked = scope ? end_runtime_calls(program, "start", scope->unit) : Status();
    if (const Status stopped = asked && scope ? stop_scope(program, *scope) : asked; !stopped) {
        log::warning(stopped.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
}

// systemd is told when a scope becomes empty, and not when it never was anything else: its first process may have been
// killed before it was moved there, and we before we could see to it.
void Engine::Core::stop_leftover_scopes() {
    const Settings now = settings();
    if (!now.cgroups) {
        return;
    }
    for (const auto &[id, scope] : find_scopes()) {
        const Result<ContainerPtr> container = find(id);
        // A restart may be under way.
        const auto operation = container ? std::unique_lock((*container)->operation) : std::unique_lock<std::mutex>();
        if (container && (*container)->snapshot().state.running()) {
            continue;
        }
        if (const Status stopped = stop_scope(now.program(now.scope_program, "ballast-oci-scope"), scope); !stopped) {
            log::warning(stopped.error().message + ", ignoring", {{"CONTAINER_ID", short_id(id)}});
        }
    }
}

} // namespace ballast::engine
