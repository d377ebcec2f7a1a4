// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/program_pages.h"
#include "base/service_manager.h"
#include "runtime/daemon/chores.h"
#include "runtime/daemon/daemon.h"

using namespace ballast;

namespace {

struct Options {
    std::filesystem::path config = config::kEngineFile;
    bool check = false;
    std::string data_root, exec_root;
    std::vector<std::string> hosts;
    bool debug = false;
    std::filesystem::path programs;
};

// What the command line says wins over the file.
Result<config::EngineConfig> read_configuration(const Options &options) {
    config::EngineConfig config = TRY(config::load_engine_config(options.config));
    if (!options.data_root.empty()) {
        config.data_root = options.data_root;
    }
    if (!options.exec_root.empty()) {
        config.exec_root = options.exec_root;
    }
    if (!options.hosts.empty()) {
        config.hosts = options.hosts;
    }
    config.debug = config.debug || options.debug;
    return config;
}

void prepare_process() {
    (void)mallopt(M_ARENA_MAX, 2); // threads come and go; an arena for each would keep what it once needed
    (void)umask(077);
    std::signal(SIGPIPE, SIG_IGN);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); // up to the hard limit is always allowed
    }
}

void reload(daemon::Daemon &daemon) {
    service::reloading();
    if (const Status done = daemon.reload(); !done.has_value()) {
        log::error("the configuration stays as it was: " + done.error().message);
    }
    service::ready("Running");
}

void tell_watchdog(daemon::Daemon &daemon) {
    // Said only when it is so: the service manager ends a daemon that does not answer.
    if (daemon.healthy()) {
        service::alive();
    } else {
        log::error("the API does not answer");
    }
}

// Until a signal ends it.
Status run(daemon::Daemon &daemon, const Fd &signals) {
    using Clock = std::chrono::steady_clock;
    daemon::Chores chores(service::watchdog_time(), daemon.requests(), Clock::now());
    while (true) {
        pollfd entries[] = {{signals.get(), POLLIN, 0}, {daemon.asked().get(), POLLIN, 0}};
        const int count = poll(entries, chores.resting() ? 2 : 1, chores.wait(Clock::now()));
        if (count < 0 && errno != EINTR) {
            return fail_errno("poll");
        }
        if (chores.resting() && (entries[1].revents & POLLIN) != 0) {
            chores.asked(daemon.requests(), Clock::now());
        } else if (chores.quiet_due(daemon.requests(), Clock::now())) {
            give_back_pages();
            daemon.take_note();
        }
        if (chores.watchdog_due(Clock::now())) {
            tell_watchdog(daemon);
        }
        signalfd_siginfo signal{};
        if (count <= 0 || (entries[0].revents & POLLIN) == 0 ||
            ::read(signals.get(), &signal, sizeof signal) != sizeof signal) {
            continue;
        }
        if (signal.ssi_signo != SIGHUP) {
            return {};
        }
        reload(daemon);
    }
}

Status run_daemon(const Options &options) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return fail_errno("become the parent of orphaned monitors");
    }
    const Fd signals = TRY(service::take_signals({SIGTERM, SIGINT, SIGHUP}));
    service::Inherited inherited = TRY(service::take_inherited());
    const std::unique_ptr<daemon::Daemon> daemon =
        TRY(daemon::Daemon::start({.version = BALLAST_VERSION,
                                   .programs = options.programs,
                                   .configuration = [&options] { return read_configuration(options); }},
                                  std::move(inherited)));
    service::ready("Running");
    log::info("ready");
    TRY(run(*daemon, signals));
    service::stopping("Stopping; containers go on");
    if (const Status stopped = daemon->stop(); !stopped.has_value()) {
        log::warning(stopped.error().message + "; ending without them");
        ::_exit(EXIT_SUCCESS); // every file is whole at any moment
    }
    log::info("stopped; containers go on");
    return {};
}

int check(const Options &options) {
    const Result<config::EngineConfig> config = read_configuration(options);
    if (!config.has_value()) {
        std::cerr << config.error().message << "\n";
        return EXIT_FAILURE;
    }
    std::cout << options.config.string() << ": the configuration is valid\n";
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char **argv) {
    Options options;
    CLI::App app("Ballast's container engine");
    app.set_version_flag("--version", std::string("ballastd ") + BALLAST_VERSION);
    app.add_option("--config", options.config, "the configuration file")->capture_default_str();
    app.add_flag("--check-config", options.check, "read the configuration, say what is wrong with it, and end");
    app.add_option("--data-root", options.data_root, "where images, containers and volumes are kept");
    app.add_option("--exec-root", options.exec_root, "where what does not outlive a boot is kept");
    app.add_option("-H,--host", options.hosts, "where to listen, in place of the configuration's hosts");
    app.add_option("--programs", options.programs, "where ballast-oci and the engine's other programs are");
    app.add_flag("--debug", options.debug, "log what happens in detail");
    CLI11_PARSE(app, argc, argv);
    if (options.check) {
        return check(options);
    }
    prepare_process();
    if (const Status done = run_daemon(options); !done.has_value()) {
        log::error(done.error().message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
