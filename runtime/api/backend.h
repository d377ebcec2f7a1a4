// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/config/engine_config.h"
#include "runtime/engine/engine.h"
#include "runtime/image/image_store.h"
#include "runtime/registry/registry_settings.h"

namespace ballast::api {

// What the API speaks for. All of it outlives the API and may be used from any thread.
struct Backend {
    engine::Engine &engine;
    image::ImageStore &images;
    std::function<std::shared_ptr<const config::EngineConfig>()> configuration;    // as of the last reload
    std::function<std::shared_ptr<const registry::RegistrySettings>()> registries; // of the same
    std::string version;                                                           // of the engine, "0.1.0"
    std::string id;                                                                // of this machine's engine
};

} // namespace ballast::api
