// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/config/engine_config.h"
#include "runtime/engine/settings.h"
#include "runtime/registry/registry_settings.h"

// From the configuration to what the daemon's parts take.
namespace ballast::daemon {

network::Settings network_settings(const config::NetworkDefaults &config);
engine::Settings engine_settings(const config::EngineConfig &config);

// Proxies that the configuration does not name are the environment's.
registry::RegistrySettings registry_settings(const config::EngineConfig &config, const std::string &version);

struct Listeners {
    std::vector<Fd> plain;
    std::vector<Fd> tls; // for TlsFront
};
// The sockets to listen on: those of `hosts`, where "fd://" stands for what systemd gave; without any, what systemd
// gave or else /run/docker.sock. Unix sockets are made for root and the configured group.
Result<Listeners> listeners(const config::EngineConfig &config, std::vector<Fd> inherited);

// A name of this machine's engine that lasts, from DATA_ROOT/engine-id, made on first use.
Result<std::string> engine_id(const std::filesystem::path &data_root);

// Held as long as the daemon lives: EBUSY when another one works in the same directory.
Result<Fd> lock_run_directory(const std::filesystem::path &run_root);

} // namespace ballast::daemon
