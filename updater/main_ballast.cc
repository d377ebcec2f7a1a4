// SPDX-License-Identifier: Apache-2.0
// ballast: the operator's command for the host.
#include <CLI/CLI.hpp>
#include <exception>

#include "base/log.h"
#include "updater/cli/commands.h"

namespace ballast::updater::cli {
namespace {

Result<std::string> ask_service(const BusCall &call, const BusClient::Watch &watch) {
    BusClient client = TRY(BusClient::connect());
    return client.call(call, watch);
}

struct Parsed {
    bool json = false;
    bool run_checks = false;
    bool reboot = false;
    UpgradeOptions upgrade;
    KernelArgumentOptions arguments;
    std::string which;
    std::string output;
    int boots = 3;
    std::function<int(const Parsed &)> run;
};

void add_reading(CLI::App &app, Parsed &parsed) {
    CLI::App *status_command = app.add_subcommand("status", "what runs, what is next, what was before, and why");
    status_command->add_flag("--json", parsed.json, "for machines");
    status_command->callback([&] { parsed.run = [](const Parsed &p) { return status(ask_service, p.json); }; });
    CLI::App *history_command = app.add_subcommand("history", "what happened, oldest first");
    history_command->add_flag("--json", parsed.json, "for machines");
    history_command->callback([&] { parsed.run = [](const Parsed &p) { return history(ask_service, p.json); }; });
    CLI::App *health_command = app.add_subcommand("health", "how the last boot was judged; exit status 1: not well");
    health_command->add_flag("--run", parsed.run_checks, "run the checks now; nothing else follows");
    health_command->add_flag("--json", parsed.json, "for machines");
    health_command->callback([&] { parsed.run = [](const Parsed &p) { return cli::health(p.run_checks, p.json); }; });
}

void add_support(CLI::App &app, Parsed &parsed) {
    constexpr int kMostBoots = 100;
    CLI::App *command =
        app.add_subcommand("support-bundle", "collect what people need who look into trouble from afar");
    command->add_option("--output", parsed.output, "the file to write; it must not be there yet");
    command->add_option("--boots", parsed.boots, "boots whose journal is collected; 3")
        ->check(CLI::Range(1, kMostBoots));
    command->callback([&] { parsed.run = [](const Parsed &p) { return support_bundle(p.output, p.boots); }; });
}

void add_updating(CLI::App &app, Parsed &parsed) {
    CLI::App *command = app.add_subcommand("upgrade", "fetch and prepare what is newer; a restart takes it");
    CLI::Option *check = command->add_flag("--check", parsed.upgrade.check, "only look; exit status 3: nothing newer");
    command->add_flag("--reboot", parsed.upgrade.reboot, "and restart now")->excludes(check);
    command->add_flag("--allow-older", parsed.upgrade.allow_older, "also what is older than what was good here")
        ->excludes(check);
    command->add_flag("--insist", parsed.upgrade.insist, "also a version that was given up here")->excludes(check);
    command->callback([&] { parsed.run = [](const Parsed &p) { return upgrade(ask_service, p.upgrade); }; });

    CLI::App *rebase = app.add_subcommand("rebase", "follow another channel or ref, or go to one commit");
    rebase->add_option("target", parsed.upgrade.target, "a channel like beta, a whole ref, or a commit's checksum")
        ->required();
    rebase->add_flag("--reboot", parsed.upgrade.reboot, "and restart now");
    rebase->callback([&] {
        parsed.upgrade.allow_older = parsed.upgrade.insist = true; // who names it wants it
        parsed.run = [](const Parsed &p) { return upgrade(ask_service, p.upgrade); };
    });

    CLI::App *rollback = app.add_subcommand("rollback", "go back to the deployment before; a restart takes it");
    rollback->add_flag("--reboot", parsed.reboot, "and restart now");
    rollback->callback([&] {
        parsed.run = [](const Parsed &p) {
            return simple(ask_service, {.method = "Rollback", .arguments = {p.reboot}});
        };
    });
    CLI::App *cancel = app.add_subcommand("cancel", "stop the download that is under way; what came is kept");
    cancel->callback([&] { parsed.run = [](const Parsed &) { return simple(ask_service, {.method = "Cancel"}); }; });
}

void add_pinning(CLI::App &app, Parsed &parsed, const char *name, const char *description, bool pinned) {
    CLI::App *command = app.add_subcommand(name, description);
    command->add_option("deployment", parsed.which, "its version, or the beginning of its checksum")->required();
    command->callback([&parsed, pinned] {
        parsed.run = [pinned](const Parsed &p) {
            return simple(ask_service, {.method = "Pin", .arguments = {p.which, pinned}});
        };
    });
}

void add_changing(CLI::App &app, Parsed &parsed) {
    add_pinning(app, parsed, "pin", "keep a deployment, whatever updates come", true);
    add_pinning(app, parsed, "unpin", "let a deployment go when updates need its place", false);

    CLI::App *kargs = app.add_subcommand("kargs", "show kernel arguments, or change them for the next restart");
    kargs->add_option("--append", parsed.arguments.changes.append, "KEY or KEY=VALUE")->allow_extra_args(false);
    kargs->add_option("--delete", parsed.arguments.changes.remove, "KEY or KEY=VALUE")->allow_extra_args(false);
    kargs->add_option("--replace", parsed.arguments.changes.replace, "KEY=NEW, or KEY=OLD=NEW")
        ->allow_extra_args(false);
    kargs->add_flag("--reboot", parsed.arguments.reboot, "and restart now");
    kargs->callback([&] { parsed.run = [](const Parsed &p) { return kernel_arguments(ask_service, p.arguments); }; });

    CLI::App *cleanup = app.add_subcommand("cleanup", "remove what no deployment needs");
    cleanup->callback([&] { parsed.run = [](const Parsed &) { return simple(ask_service, {.method = "CleanUp"}); }; });
    CLI::App *acknowledge = app.add_subcommand("acknowledge", "a rollback has been seen: status is quiet about it");
    acknowledge->callback(
        [&] { parsed.run = [](const Parsed &) { return simple(ask_service, {.method = "Acknowledge"}); }; });
}

int main_of(int argc, char **argv) {
    Parsed parsed;
    CLI::App app("Updates of this host.");
    app.require_subcommand(1);
    add_reading(app, parsed);
    add_updating(app, parsed);
    add_changing(app, parsed);
    add_support(app, parsed);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        return app.exit(error) == 0 ? kDone : kUsage;
    }
    return parsed.run(parsed);
}

} // namespace
} // namespace ballast::updater::cli

int main(int argc, char **argv) {
    try {
        return ballast::updater::cli::main_of(argc, argv);
    } catch (const std::exception &exception) { // the command line library's
        ballast::log::error(exception.what());
        return ballast::updater::cli::kFailed;
    }
}
