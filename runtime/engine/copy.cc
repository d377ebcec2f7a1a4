// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "base/quote.h"
#include "runtime/engine/core.h"
#include "runtime/engine/mount_points.h"
#include "runtime/engine/tree_archive.h"
#include "runtime/engine/user_lookup.h"
#include "runtime/engine/user_namespace.h"
#include "runtime/image/decompress.h"
#include "runtime/image/unpack.h"

namespace ballast::engine {

Result<PathStat> Engine::stat_path(const std::string &reference, const std::string &path) {
    const ContainerPtr container = TRY(core_->find(reference));
    Result<PathStat> result = fail(EIO, "stat " + path);
    TRY(core_->in_root(container, [&](const RootDir &root, const IdMappings &) -> Status {
        result = stat_in(root, path, container->id);
        return {};
    }));
    return result;
}

Status Engine::archive_out(const std::string &reference, const std::string &path,
                           const std::function<Status(const PathStat &)> &begin, const Sink &sink) {
    const ContainerPtr container = TRY(core_->find(reference));
    TRY(core_->in_root(container, [&](const RootDir &root, const IdMappings &seen_through) -> Status {
        TRY(begin(TRY(stat_in(root, path, container->id))));
        return archive_tree(root, path, sink, owners_inside(seen_through));
    }));
    core_->event(*container, "archive-path");
    return {};
}

Status Engine::archive_in(const std::string &reference, const std::string &path, const Source &source,
                          const ArchivePut &options) {
    const ContainerPtr container = TRY(core_->find(reference));
    if (path.empty()) {
        return fail(EINVAL, "bad parameter: path cannot be empty");
    }
    const Snapshot data = container->snapshot();
    const Status done = core_->in_root(container, [&](const RootDir &root, const IdMappings &seen_through) -> Status {
        const Result<Fd> directory = root.open_path(clean_path(path), O_PATH | O_DIRECTORY);
        if (!directory) {
            return directory.error().code == ENOTDIR
                       ? fail(EINVAL, "extraction point is not a directory")
                       : fail(directory.error().code == ENOENT ? ENOENT : EIO,
                              "Could not find the file " + escaped(path) + " in container " + container->id);
        }
        // The archive stays below the directory, whatever its names and links say.
        const RootDir target = TRY(RootDir::open("/proc/self/fd/" + std::to_string(directory->get())));
        image::UnpackOptions unpacking;
        unpacking.owner_there = owners_on_host(seen_through);
        unpacking.keep_kinds = options.no_overwrite_dir_non_dir;
        if (options.copy_uid_gid && !data.config.user.empty()) {
            const ProcessUser user = TRY(look_up_user(root, data.config.user, {}));
            unpacking.keep_owners = false;
            unpacking.uid = user.uid;
            unpacking.gid = user.gid;
        }
        image::TarReader reader =
            TRY(image::TarReader::open(image::decompressed(source, "the archive"), "the archive"));
        return as_mapped_root(seen_through, [&]() -> Status {
            TRY(image::unpack(reader, target, unpacking));
            return {};
        });
    });
    if (!done && done.error().code == EROFS) {
        return fail(EPERM, "container rootfs is marked read-only");
    }
    TRY(done);
    core_->event(*container, "extract-to-dir");
    return {};
}

} // namespace ballast::engine
