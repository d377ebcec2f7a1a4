// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"
#include "runtime/image/image_store.h"

// Images in containers, read-only, as Kubernetes has them for volumes: mount points of type "image", whose name is the
// image's.
namespace ballast::engine {

// Makes ids of the names, and keeps those images until the container is listed. ENOENT "No such image: X".
Result<std::vector<image::Lease>> hold_mounted_images(image::ImageStore &images, std::vector<MountPoint> &mounts);

// Mounts the image of `mount` at `place`, which is made. What of it the container gets: EINVAL for a subpath that is
// not there, or leads through a link.
Result<std::filesystem::path> mount_image(image::ImageStore &images, const MountPoint &mount,
                                          const std::filesystem::path &place,
                                          const std::shared_ptr<const image::Users> &users);

// All below `directory`; missing is fine.
void unmount_images(const std::filesystem::path &directory);

} // namespace ballast::engine
