// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/api/call.h"
#include "runtime/engine/engine.h"
#include "runtime/image/image_store.h"

// What the engine knows, in the shapes that clients of the Docker Engine API 1.45 read.
namespace ballast::api {

Json container_view(const engine::Snapshot &container); // GET /containers/{id}/json
// An entry of GET /containers/json. `image`: the name that it is shown under.
Json container_summary(const engine::Snapshot &container, const std::string &image, engine::Time now, bool size);
Json exec_view(const engine::ExecState &exec);
Json volume_view(const engine::VolumeView &volume);
Json stats_view(const engine::Stats &sample, const engine::Stats *before);
Json event_view(const engine::Event &event);

Json image_view(const image::Image &image, unsigned version);
Json image_summary(const image::Image &image, unsigned version, std::int64_t shared_size, std::int64_t containers);

Json network_view(const engine::NetworkView &network);
Json networks_of(const engine::Snapshot &container);      // NetworkSettings.Networks
Json network_settings(const engine::Snapshot &container); // NetworkSettings of an inspected container
Json port_list(const engine::Snapshot &container);        // Ports of a container in a list

// The mode of stat(2) as Go's os.FileMode, which X-Docker-Container-Path-Stat holds.
std::uint32_t go_file_mode(std::uint32_t mode);

} // namespace ballast::api
