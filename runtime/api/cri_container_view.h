// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>

#include "runtime/engine/model.h"
#include "runtime/image/image_store.h"

namespace ballast::api {

// Containers of pods as Kubernetes' container runtime interface shows them.
::runtime::v1::ContainerState cri_state(const engine::State &state);
::runtime::v1::Container cri_container(const engine::Snapshot &container);
// `image`: nullptr when it is not in the store any more.
::runtime::v1::ContainerStatus cri_container_status(const engine::Snapshot &container, const image::Image *image);
::runtime::v1::ContainerStatus cri_container_status(const engine::Snapshot &container, const image::ImageStore &images);

} // namespace ballast::api
