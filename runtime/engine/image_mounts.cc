// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/image_mounts.h"

#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "runtime/engine/subpath.h"
#include "runtime/image/snapshot.h"

namespace ballast::engine {
namespace fs = std::filesystem;

Result<std::vector<image::Lease>> hold_mounted_images(image::ImageStore &images, std::vector<MountPoint> &mounts) {
    std::vector<image::Lease> held;
    for (MountPoint &mount : mounts) {
        if (mount.type == "image") {
            const image::Digest id = TRY(images.find(mount.name)).id;
            held.push_back(TRY(images.hold(id)));
            mount.name = id.text();
        }
    }
    return held;
}

Result<fs::path> mount_image(image::ImageStore &images, const MountPoint &mount, const fs::path &place,
                             const std::shared_ptr<const image::Users> &users) {
    TRY(make_directories(place, 0700));
    const image::Snapshot tree{.lower = TRY(images.lower_directories(TRY(image::Digest::parse(mount.name)))),
                               .read_only = true,
                               .users = users};
    TRY(image::mount_snapshot(tree, place).within("mount image " + mount.name));
    if (const std::optional<fs::path> found = below_without_links(place, mount.subpath)) {
        return *found;
    }
    return fail(EINVAL, "mount image " + mount.name + ": there is no path " + quote(mount.subpath) +
                            " in the image, or it leads through a link");
}

void unmount_images(const fs::path &directory) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        if (const Status gone = image::unmount_snapshot(entry->path()); !gone) {
            log::warning(gone.error().message + ", ignoring");
        }
    }
}

} // namespace ballast::engine
