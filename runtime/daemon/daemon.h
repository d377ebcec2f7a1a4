// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/grpc/server.h"
#include "base/http/server.h"
#include "base/http/tls_front.h"
#include "base/result.h"
#include "base/service_manager.h"
#include "runtime/api/backend.h"
#include "runtime/api/cri_streams.h"
#include "runtime/config/engine_config.h"
#include "runtime/daemon/metrics.h"
#include "runtime/daemon/settings.h"
#include "runtime/engine/engine.h"
#include "runtime/image/image_store.h"

namespace ballast::daemon {

struct Start {
    std::string version;
    std::filesystem::path programs = {}; // where the engine's other programs are; empty: where they are installed
    // The configuration with what the command line said in its place; asked again at each reload.
    std::function<Result<config::EngineConfig>()> configuration;
};

// ballastd's parts, put together: image store, engine, both APIs, metrics.
class Daemon {
  public:
    static Result<std::unique_ptr<Daemon>> start(Start start, service::Inherited inherited);
    ~Daemon();
    Daemon(const Daemon &) = delete;
    Daemon &operator=(const Daemon &) = delete;

    // What of the new configuration can be applied without a restart is; the rest is logged. An error changes nothing.
    Status reload();
    // Do the accepting thread and the engine's lock answer? Blocks for ever when the lock does not.
    bool healthy();
    // How many requests there have been; `asked()` is readable since the first that came after take_note().
    std::uint64_t requests() const { return requests_.all; }
    BorrowedFd asked() const { return asked_; }
    void take_note();
    // Gives requests the configured time. ETIMEDOUT: some still run, and the process has to end without more ado.
    Status stop();

  private:
    explicit Daemon(Start start) : start_(std::move(start)) {}
    Status apply(config::EngineConfig config);
    std::shared_ptr<const config::EngineConfig> configuration() const;
    Status open_store(const config::EngineConfig &config);
    Status serve(const config::EngineConfig &config, Listeners listeners);
    void note(); // that there was a request
    grpc::Methods counted(grpc::Methods methods);

    Start start_;
    Fd lock_;
    mutable std::mutex mutex_; // of the two below
    std::shared_ptr<const config::EngineConfig> config_;
    std::shared_ptr<const registry::RegistrySettings> registries_;
    std::unique_ptr<image::ImageStore> images_;
    std::atomic<engine::Engine *> events_to_ = nullptr; // while there is an engine
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<api::Backend> backend_;
    RequestCounts requests_;
    Fd asked_; // an eventfd
    std::atomic<bool> noted_ = false;
    std::unique_ptr<http::Server> server_;
    std::unique_ptr<http::TlsFront> tls_; // in front of it
    std::unique_ptr<http::Server> metrics_;
    std::unique_ptr<api::CriStreams> streams_;
    std::unique_ptr<grpc::Server> cri_;
};

} // namespace ballast::daemon
