// SPDX-License-Identifier: Apache-2.0
#include "runtime/daemon/daemon.h"

#include <algorithm>
#include <format>
#include <sys/eventfd.h>

#include "base/file_io.h"
#include "base/http/listener.h"
#include "base/log.h"
#include "runtime/api/cri_services.h"
#include "runtime/api/router.h"
#include "runtime/config/values.h"
#include "runtime/daemon/settings.h"
#include "runtime/image/name_patterns.h"

namespace ballast::daemon {
namespace {

constexpr std::chrono::seconds kProbeTime{5};
constexpr std::chrono::seconds kSettleTime{5};
constexpr mode_t kPrivate = 0700;

log::Level level_of(const config::EngineConfig &config) {
    if (config.debug || config.log_level == "debug") {
        return log::Level::kDebug;
    }
    if (config.log_level == "warn") {
        return log::Level::kWarning;
    }
    return config.log_level == "error" || config.log_level == "fatal" ? log::Level::kError : log::Level::kInfo;
}

std::string joined(const std::vector<std::string> &names) {
    std::string text;
    for (const std::string &name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

template <typename T>
std::unique_ptr<T> boxed(T value) {
    return std::make_unique<T>(std::move(value));
}

// Counts a request while it runs.
class Counted {
  public:
    explicit Counted(RequestCounts &counts) : counts_(counts) {
        counts_.all++;
        counts_.running++;
    }
    ~Counted() { counts_.running--; }
    Counted(const Counted &) = delete;
    Counted &operator=(const Counted &) = delete;

  private:
    RequestCounts &counts_;
};

} // namespace

Result<std::unique_ptr<Daemon>> Daemon::start(Start start, service::Inherited inherited) {
    std::unique_ptr<Daemon> daemon(new Daemon(std::move(start)));
    daemon->asked_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!daemon->asked_.is_open()) {
        return fail_errno("eventfd");
    }
    const config::EngineConfig config = TRY(daemon->start_.configuration());
    TRY(make_directories(config.data_root, kPrivate));
    TRY(make_directories(config.exec_root, kPrivate));
    daemon->lock_ = TRY(lock_run_directory(config.exec_root));
    // Early: an address in use is found before anything is touched.
    Listeners sockets = TRY(listeners(config, std::move(inherited.listeners)));
    TRY(daemon->apply(config));
    TRY(daemon->open_store(config));

    engine::Settings settings = engine_settings(config);
    if (!daemon->start_.programs.empty()) {
        settings.programs = daemon->start_.programs;
    }
    settings.keep_descriptor = service::keep;
    settings.forget_descriptor = service::forget;
    daemon->engine_ = TRY(engine::Engine::open(std::move(settings), *daemon->images_, std::move(inherited.kept)));
    daemon->events_to_ = daemon->engine_.get();
    for (const std::string &warning : daemon->engine_->warnings()) {
        log::warning(warning);
    }
    TRY(daemon->serve(config, std::move(sockets)));
    daemon->engine_->start_restarting();
    return daemon;
}

Daemon::~Daemon() {
    // Before the engine goes: nobody may ask it any more.
    tls_.reset();
    server_.reset();
    metrics_.reset();
    cri_.reset();
    streams_.reset();
    events_to_ = nullptr;
}

Status Daemon::open_store(const config::EngineConfig &config) {
    image::StoreSettings settings;
    settings.root = config.data_root;
    settings.containers = [this] {
        const engine::Engine *engine = events_to_.load();
        return engine == nullptr ? std::vector<image::ContainerUse>() : engine->image_uses();
    };
    settings.event = [this](std::string_view action, const image::Digest &id, const std::string &name) {
        if (engine::Engine *engine = events_to_.load(); engine != nullptr) {
            engine->events().publish({.type = "image",
                                      .action = std::string(action),
                                      .actor = action == "pull" || action == "push" ? name : id.text(),
                                      .attributes = {{"name", name}},
                                      .time = engine::kNever});
        }
    };
    settings.warn = [](const std::string &text) { log::warning(text); };
    images_ = TRY(image::ImageStore::open(std::move(settings)));
    return {};
}

Status Daemon::serve(const config::EngineConfig &config, Listeners listeners) {
    backend_ = std::make_unique<api::Backend>(api::Backend{
        .engine = *engine_,
        .images = *images_,
        .configuration = [this] { return configuration(); },
        .registries =
            [this] {
                const std::lock_guard lock(mutex_);
                return registries_;
            },
        .version = start_.version,
        .id = TRY(engine_id(config.data_root)),
    });
    server_ = boxed(TRY(http::Server::start(std::move(listeners.plain), [this](http::Exchange &exchange) {
        const Counted counted(requests_);
        note();
        api::serve(exchange, *backend_);
    })));
    if (!listeners.tls.empty()) {
        const http::TlsFiles files{
            .authorities = config.tls_authorities, .certificate = config.tls_certificate, .key = config.tls_key};
        tls_ = TRY(http::TlsFront::start(std::move(listeners.tls), files, [this](Fd connection, const http::Peer &) {
            server_->take(std::move(connection));
        }));
    }
    streams_ = std::make_unique<api::CriStreams>(*engine_);
    std::vector<Fd> for_kubernetes;
    for_kubernetes.push_back(TRY(http::listen_unix(config.exec_root / "cri.sock", 0600)));
    cri_ = boxed(TRY(grpc::Server::start(std::move(for_kubernetes), counted(api::cri_methods(*backend_, *streams_)))));
    if (const auto address = config::parse_address_and_port(config.metrics_address)) {
        std::vector<Fd> sockets;
        sockets.push_back(TRY(http::listen_tcp(address->address, address->port)));
        constexpr std::size_t kScrapers = 16;
        metrics_ =
            boxed(TRY(http::Server::start(std::move(sockets),
                                          [this](http::Exchange &exchange) {
                                              serve_metrics(exchange, *engine_, *images_, requests_, start_.version);
                                          },
                                          {.connections = kScrapers})));
    }
    return {};
}

void Daemon::note() {
    if (!noted_.exchange(true)) {
        (void)eventfd_write(asked_.get(), 1);
    }
}

grpc::Methods Daemon::counted(grpc::Methods methods) {
    for (auto &[path, handler] : methods) {
        handler = [this, inner = std::move(handler)](grpc::Call &call) {
            const Counted counted(requests_);
            note();
            return inner(call);
        };
    }
    return methods;
}

std::shared_ptr<const config::EngineConfig> Daemon::configuration() const {
    const std::lock_guard lock(mutex_);
    return config_;
}

Status Daemon::apply(config::EngineConfig config) {
    registry::RegistrySettings settings = registry_settings(config, start_.version);
    TRY(registry::check_host_settings(settings.hosts));
    for (const std::string &pattern : config.pinned_images) {
        TRY(image::check_name_pattern(pattern).within("pinned-images"));
    }
    log::set_level(level_of(config));
    const std::lock_guard lock(mutex_);
    config_ = std::make_shared<const config::EngineConfig>(std::move(config));
    registries_ = std::make_shared<const registry::RegistrySettings>(std::move(settings));
    return {};
}

Status Daemon::reload() {
    config::EngineConfig config = TRY(start_.configuration());
    const config::Changes changes = config::changed_keys(*configuration(), config);
    TRY(apply(config));
    engine_->reload(engine_settings(config));
    if (!changes.reloaded.empty()) {
        log::notice("configuration: applied " + joined(changes.reloaded));
    }
    if (!changes.needing_restart.empty()) {
        log::warning("configuration: needs a restart of the engine to apply " + joined(changes.needing_restart));
    }
    engine_->events().publish({.type = "daemon",
                               .action = "reload",
                               .actor = backend_->id,
                               .attributes = {{"name", "ballastd"}},
                               .time = engine::kNever});
    return {};
}

void Daemon::take_note() {
    eventfd_t count = 0;
    (void)eventfd_read(asked_.get(), &count);
    noted_ = false;
}

bool Daemon::healthy() {
    (void)engine_->counts(); // takes the engine's lock
    return server_->answers(kProbeTime);
}

Status Daemon::stop() {
    engine_->settle(kSettleTime);
    if (metrics_ != nullptr) {
        TRY(metrics_->stop(std::chrono::milliseconds(0)));
    }
    tls_.reset(); // who comes by it has to come again, whatever the server would wait for
    const std::chrono::seconds grace(configuration()->shutdown_timeout);
    const auto since = std::chrono::steady_clock::now();
    const Status stopped = server_->stop(grace);
    const auto left = grace - (std::chrono::steady_clock::now() - since);
    TRY(streams_->stop());
    TRY(cri_->stop(
        std::max(std::chrono::milliseconds(0), std::chrono::duration_cast<std::chrono::milliseconds>(left))));
    return stopped;
}

} // namespace ballast::daemon
