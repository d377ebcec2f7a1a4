// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "base/rollback.h"
#include "runtime/engine/core.h"
#include "runtime/engine/image_defaults.h"
#include "runtime/engine/names.h"
#include "runtime/engine/user_namespace.h"
#include "runtime/image/diff.h"

// A container as something that an image can be made of.
namespace ballast::engine {
namespace {

// What the engine and ballast-oci put into a container's tree themselves.
image::Skipped own_files(const Snapshot &container) {
    image::Skipped skipped = {
        "/dev", "/proc", "/sys", "/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/sbin/docker-init"};
    for (const MountPoint &mount : container.mounts) {
        skipped.insert(mount.destination);
    }
    return skipped;
}

std::string created_by(const Config &config) {
    std::string text;
    for (const std::string &word : program_of(config)) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

} // namespace

Result<std::vector<Change>> Engine::changes(const std::string &reference) {
    const ContainerPtr container = TRY(core_->find(reference));
    const image::Snapshot snapshot = TRY(core_->snapshot_of(*container));
    std::vector<Change> result;
    for (const image::Change &change :
         TRY(image::changes(snapshot.upper, snapshot.lower, own_files(container->snapshot())))) {
        result.push_back({.path = change.path, .kind = static_cast<Change::Kind>(change.kind)});
    }
    return result;
}

Status Engine::export_filesystem(const std::string &reference, const Sink &sink) {
    const ContainerPtr container = TRY(core_->find(reference));
    {
        // A view of its own: volumes and what is mounted in a running container are not part of it.
        const std::scoped_lock operation(container->operation);
        if (!container->snapshot().state.running()) {
            TRY(core_->mount_rootfs(*container));
            Rollback rollback;
            rollback.add([&] { core_->unmount_rootfs(*container); });
            TRY(image::write_tree(core_->paths(container->id).rootfs, sink));
            core_->event(*container, "export");
            return {};
        }
    }
    TRY(image::write_tree(core_->paths(container->id).rootfs, sink, {}, false,
                          owners_inside(container->snapshot().ids)));
    core_->event(*container, "export");
    return {};
}

Result<std::string> Engine::commit(const std::string &reference, const CommitRequest &request) {
    const ContainerPtr container = TRY(core_->find(reference));
    const Snapshot data = container->snapshot();
    if (data.state.phase == Phase::kRemoving || data.state.phase == Phase::kDead) {
        return fail(EBUSY, "You cannot commit container " + data.id + " which is Dead or Removing");
    }
    image::CommitSpec spec;
    spec.author = request.author;
    spec.comment = request.comment;
    spec.created_by = created_by(data.config);
    spec.changes = request.changes;
    Config config = request.config.value_or(data.config);
    if (request.config) {
        apply_image(config, image_part(data.config));
    }
    spec.config = image_part(config);
    spec.skipped = own_files(data);
    std::string name = request.repository;
    if (!name.empty()) {
        if (!request.tag.empty()) {
            name += ":" + request.tag;
        }
        spec.name = TRY(image::Reference::parse_with_default_tag(name));
    }
    Rollback rollback;
    const bool pause = request.pause && data.state.phase == Phase::kRunning && core_->settings().cgroups;
    if (pause) {
        TRY(core_->oci({"pause", data.id}).within("commit"));
        rollback.add([this, id = data.id] {
            if (const auto resumed = core_->oci({"resume", id}); !resumed) {
                log::error("resume: " + resumed.error().message, {{"CONTAINER_ID", short_id(id)}});
            }
        });
    }
    const image::Digest base = TRY(image::Digest::parse(data.image_id));
    const image::Digest id = TRY(core_->images.commit(base, core_->paths(data.id).disk / "upper", spec));
    core_->event(
        *container, "commit",
        {{"comment", request.comment}, {"imageID", id.text()}, {"imageRef", spec.name ? spec.name->canonical() : ""}});
    return id.text();
}

} // namespace ballast::engine
