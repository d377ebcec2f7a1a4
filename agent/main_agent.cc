// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <iostream>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/flags.h"
#include "agent/daemon/agent.h"
#include "base/log.h"
#include "base/service_manager.h"

using namespace ballast;

namespace {

constexpr long long kDebugFrom = 4; // kubelet's verbosity at which it tells what it does

void prepare_process() {
    (void)mallopt(M_ARENA_MAX, 2); // threads come and go; an arena for each would keep what it once needed
    (void)umask(022);
    std::signal(SIGPIPE, SIG_IGN);
}

// Our unit names the files of kubeadm's; a machine without a cluster has none of them.
void forget_missing_cluster(agent::Options &options) {
    std::error_code unreadable; // is told when it is read
    if (!options.bootstrap_kubeconfig.empty() && !std::filesystem::exists(options.kubeconfig, unreadable) &&
        !std::filesystem::exists(options.bootstrap_kubeconfig, unreadable)) {
        log::info("there is neither " + options.kubeconfig.string() + " nor " + options.bootstrap_kubeconfig.string() +
                  ": this machine is in no cluster");
        options.kubeconfig.clear();
        options.bootstrap_kubeconfig.clear();
    }
}

Status run_agent(agent::Options options) {
    for (const std::string &warning : options.warnings) {
        log::warning(warning);
    }
    forget_missing_cluster(options);
    if (options.config.verbosity >= kDebugFrom) {
        log::set_level(log::Level::kDebug);
    }
    const Fd signals = TRY(service::take_signals({SIGTERM, SIGINT}));
    const std::unique_ptr<agent::Agent> node = TRY(agent::Agent::make(std::move(options)));
    if (const Status answers = node->answer_on_bus(); !answers.has_value()) {
        log::warning(answers.error().message + "; the node's state is not to be had by D-Bus");
    }
    if (const Status delays = node->delay_shutdown(); !delays.has_value()) {
        log::warning(delays.error().message + "; a shutdown does not wait for pods");
    }
    service::ready("Running");
    log::info("ready");
    TRY(node->run(signals, service::watchdog_time()));
    service::stopping("Stopping; pods go on");
    log::info("stopped; pods go on");
    ::_exit(EXIT_SUCCESS); // every file is whole at any moment, and what is being done goes on when it starts again
}

} // namespace

int main(int argc, char **argv) {
    const Result<std::variant<agent::Options, agent::Answer>> read = agent::read_command_line({argv + 1, argv + argc});
    if (!read.has_value()) {
        log::error(read.error().message);
        return EXIT_FAILURE;
    }
    if (const auto *answer = std::get_if<agent::Answer>(&*read)) {
        (answer->status == 0 ? std::cout : std::cerr) << answer->text;
        return answer->status;
    }
    prepare_process();
    const Status done = run_agent(std::get<agent::Options>(*read));
    if (!done.has_value()) {
        log::error(done.error().message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
