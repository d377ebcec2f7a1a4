// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/volumes.h"

#include <algorithm>
#include <format>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/volumes/claim_volume.h"
#include "agent/volumes/file_volume.h"
#include "agent/volumes/host_path.h"
#include "agent/volumes/sub_path.h"
#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

Status mount_memory(const fs::path &path, const EmptyDir &volume) {
    if (std::ranges::contains(TRY(mounts_below(path.parent_path())), path)) {
        return {};
    }
    const std::string options = volume.limit ? std::format("mode=0777,size={}", volume.limit->whole()) : "mode=0777";
    if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
        return fail_errno("mount tmpfs on " + path.string());
    }
    return {};
}

// As kubelet has it for volumes of a group: theirs, with the bit that makes what is made in there theirs, too.
Status own(const fs::path &path, const Pod &pod) {
    constexpr mode_t kMode = 0777;
    if (::chmod(path.c_str(), pod.security.fs_group ? kMode | S_ISGID : kMode) != 0) {
        return fail_errno("chmod " + path.string());
    }
    if (pod.security.fs_group &&
        ::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(*pod.security.fs_group)) != 0) {
        return fail_errno("chown " + path.string());
    }
    return pod.security.fs_group && ::chmod(path.c_str(), kMode | S_ISGID) != 0 ? fail_errno("chmod " + path.string())
                                                                                : Status();
}

Status make_empty_dir(const Pod &pod, const fs::path &path, const EmptyDir &volume) {
    constexpr mode_t kParents = 0750;
    TRY(make_directories(path.parent_path(), kParents));
    TRY(make_directories(path, kParents));
    if (volume.memory) {
        TRY(mount_memory(path, volume));
    }
    return own(path, pod);
}

std::optional<gid_t> group_of(const Pod &pod) {
    return pod.security.fs_group ? std::optional(static_cast<gid_t>(*pod.security.fs_group)) : std::nullopt;
}

// Secrets and tokens are in memory alone.
Status make_files(const Pod &pod, const PodDirectory &directory, const Volume &volume, const FileVolume &files,
                  const VolumeMeans &means) {
    const FileContents contents = TRY(contents_of(pod, files, means.surroundings, means.objects));
    const fs::path path = directory.files(files.kind, volume.name);
    TRY(make_empty_dir(pod, path, {.memory = files.kind != "configMap", .limit = {}}));
    return write_contents(path, contents, group_of(pod));
}

// What is mounted stays: neither a container's restart nor an API server that is away has a part in it.
Status make_claim(const Pod &pod, const PodDirectory &directory, const Volume &volume, const ClaimVolume &claim,
                  const PodObjects &objects) {
    const fs::path path = directory.claim(volume.name);
    if (std::ranges::contains(TRY(mounts_below(path.parent_path())), path)) {
        return {};
    }
    if (!objects.volume) {
        return fail(ENOTSUP, "claims can be had from an API server only");
    }
    const PersistentVolume found = TRY(
        objects.volume(pod, claim.name).within(std::format("error processing PVC {}/{}", pod.name_space, claim.name)));
    TRY(check_host_path(found.place));
    const bool takes_group = found.local && !claim.read_only;
    return mount_claim(found.place.path, path, takes_group ? group_of(pod) : std::nullopt,
                       pod.security.changes_group_always);
}

Status make_volume(const Pod &pod, const PodDirectory &directory, const Volume &volume, const VolumeMeans &means) {
    if (const auto *empty = std::get_if<EmptyDir>(&volume.source)) {
        return make_empty_dir(pod, directory.empty_dir(volume.name), *empty);
    }
    if (const auto *host = std::get_if<HostPath>(&volume.source)) {
        return check_host_path(*host);
    }
    if (const auto *files = std::get_if<FileVolume>(&volume.source)) {
        return make_files(pod, directory, volume, *files, means);
    }
    if (const auto *claim = std::get_if<ClaimVolume>(&volume.source)) {
        return make_claim(pod, directory, volume, *claim, means.objects);
    }
    return fail(ENOTSUP, std::get<ClusterVolume>(volume.source).kind + " volumes are not supported");
}

fs::path place_of(const Volume &volume, const PodDirectory &directory) {
    if (const auto *host = std::get_if<HostPath>(&volume.source)) {
        return host->path;
    }
    if (const auto *files = std::get_if<FileVolume>(&volume.source)) {
        return directory.files(files->kind, volume.name);
    }
    return std::holds_alternative<ClaimVolume>(volume.source) ? directory.claim(volume.name)
                                                              : directory.empty_dir(volume.name);
}

} // namespace

Status make_volumes(const Pod &pod, const PodDirectory &directory, const VolumeMeans &means) {
    for (const Volume &volume : pod.volumes) {
        TRY(make_volume(pod, directory, volume, means)
                .within(std::format("MountVolume.SetUp failed for volume {}", quote(volume.name))));
    }
    return {};
}

bool has_files(const Pod &pod) {
    return std::ranges::any_of(pod.volumes,
                               [](const Volume &volume) { return std::holds_alternative<FileVolume>(volume.source); });
}

Status refresh_volumes(const Pod &pod, const PodDirectory &directory, const VolumeMeans &means) {
    for (const Volume &volume : pod.volumes) {
        const auto *files = std::get_if<FileVolume>(&volume.source);
        std::error_code missing;
        if (files == nullptr || !fs::exists(directory.files(files->kind, volume.name), missing)) {
            continue; // not made yet
        }
        const FileContents contents =
            TRY(contents_of(pod, *files, means.surroundings, means.objects).within("volume " + quote(volume.name)));
        TRY(write_contents(directory.files(files->kind, volume.name), contents, group_of(pod)));
    }
    return {};
}

Result<std::string> mount_source(const Pod &pod, const PodDirectory &directory, const std::string &container,
                                 const VolumeMount &mount, std::size_t number, const std::string &sub_path) {
    const auto volume = std::ranges::find(pod.volumes, mount.volume, &Volume::name);
    if (volume == pod.volumes.end()) {
        return fail(EINVAL, "volumeMounts: no volume " + quote(mount.volume));
    }
    const fs::path source = place_of(*volume, directory);
    if (sub_path.empty()) {
        return source.string();
    }
    const fs::path target = directory.sub_path(volume->name, container, number);
    if (!std::ranges::contains(TRY(mounts_below(target.parent_path())), target)) {
        TRY(mount_sub_path(source, sub_path, target)
                .within(std::format("failed to prepare subPath for volumeMount \"{}\" of container \"{}\"",
                                    mount.volume, container)));
    }
    return target.string();
}

} // namespace ballast::agent
