// SPDX-License-Identifier: Apache-2.0
// ballast-oci: an OCI runtime with the command line that engines call. One thread, no daemon: it is gone once the
// container runs.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/timestamp.h"
#include "runtime/container/identity.h"
#include "runtime/isolate/self_exe.h"
#include "runtime/oci/options.h"
#include "runtime/oci/verbs.h"
#include "runtime/oci/version.h"

namespace {

using namespace ballast;

struct Verb {
    const char *name;
    Result<int> (*run)(const oci::Settings &, const oci::Arguments &);
    const char *text;
    bool enters = false; // becomes a process of a container
    int failure = 1;     // exit status
};

constexpr std::array<Verb, 15> kVerbs{{
    {"create", oci::verb_create, "make a container that waits for `start`", true},
    {"start", oci::verb_start, "run the program of a created container", true},
    {"run", oci::verb_run, "create and start", true},
    {"exec", oci::verb_exec, "run a further process in a container", true, 255},
    {"kill", oci::verb_kill, "send a signal"},
    {"delete", oci::verb_delete, "remove a container that has stopped", true},
    {"state", oci::verb_state, "the state of a container as JSON"},
    {"list", oci::verb_list, "all containers below --root"},
    {"ps", oci::verb_ps, "the processes of a container"},
    {"events", oci::verb_events, "statistics and out-of-memory events of a container"},
    {"pause", oci::verb_pause, "freeze a container"},
    {"resume", oci::verb_resume, "thaw a container"},
    {"update", oci::verb_update, "change the limits of a container"},
    {"features", oci::verb_features, "what this runtime can do, as JSON"},
    {"spec", oci::verb_spec, "write a config.json to start from"},
}};

struct Global {
    oci::Settings settings;
    std::string log;
    bool json = false;
    bool version = false;
};

// A line of --log, in the form that engines read. False when there is no such file.
bool log_line(const Global &global, const std::string &level, const std::string &message) {
    const Result<Fd> log =
        global.log.empty() ? fail(ENOENT, "") : open_file(global.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (!log.has_value()) {
        return false;
    }
    const std::string time = timestamp_now();
    std::string line = "time=" + quote(time) + " level=" + level + " msg=" + quote(message);
    if (global.json) {
        line = nlohmann::ordered_json({{"level", level}, {"msg", message}, {"time", time}})
                   .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    return write_all(*log, line + "\n").has_value();
}

void report(const Global &global, const std::string &message) {
    (void)log_line(global, "error", message);                                              // stderr has it as well
    (void)write_all(BorrowedFd(STDERR_FILENO), "ballast-oci: " + escaped(message) + "\n"); // nowhere else to say it
}

std::vector<oci::Option> global_options(Global &global) {
    using isolate::CgroupManager;
    return {
        {"root", 0, "DIR", "where containers are recorded",
         [&global](const std::string &value) -> Status {
             global.settings.root = std::filesystem::absolute(value);
             return {};
         }},
        {"log", 0, "FILE", "errors are appended here, too", oci::store(global.log)},
        {"log-format", 0, "text|json", "of --log (default text)",
         [&global](const std::string &value) -> Status {
             if (value != "text" && value != "json") {
                 return fail(EINVAL, "--log-format: want text or json, have " + quote(value));
             }
             global.json = value == "json";
             return {};
         }},
        {"systemd-cgroup", 0, nullptr, "as --cgroup-manager systemd",
         [&global](const std::string &) -> Status {
             global.settings.cgroup_manager = CgroupManager::kSystemd;
             return {};
         }},
        {"cgroup-manager", 0, "MANAGER", "cgroupfs (default), systemd or disabled",
         [&global](const std::string &value) -> Status {
             if (value != "cgroupfs" && value != "systemd" && value != "disabled") {
                 return fail(EINVAL, "--cgroup-manager: want cgroupfs, systemd or disabled, have " + quote(value));
             }
             global.settings.cgroup_manager = value == "systemd"    ? CgroupManager::kSystemd
                                              : value == "disabled" ? CgroupManager::kDisabled
                                                                    : CgroupManager::kCgroupfs;
             return {};
         }},
        {"rootless", 0, "true|false|auto", "whether the caller is no real root (default: by its id)",
         [&global](const std::string &value) -> Status {
             if (value != "true" && value != "false" && value != "auto") {
                 return fail(EINVAL, "--rootless: want true, false or auto, have " + quote(value));
             }
             global.settings.rootless = value == "auto" ? global.settings.rootless : value == "true";
             return {};
         }},
        {"debug", 0, nullptr, "accepted: there is nothing more to say", oci::ignore()},
        {"criu", 0, "PATH", "accepted: checkpoints are not made", oci::ignore()},
        {"version", 'v', nullptr, "print the version", oci::store(global.version)},
    };
}

std::string usage(const std::vector<oci::Option> &options) {
    std::string text = "usage: ballast-oci [OPTION...] COMMAND [ARGUMENT...]\n\n";
    for (const Verb &verb : kVerbs) {
        std::string line = std::string("  ") + verb.name;
        line.resize(14, ' ');
        text += line + verb.text + "\n";
    }
    return text + "\n" + oci::options_text(options) + "\n`COMMAND --help` lists the options of a command.\n";
}

Result<int> run_verb(Global &global, const oci::Parsed &parsed, int &failure) {
    const std::string &name = parsed.words.front();
    const auto *verb = std::ranges::find_if(kVerbs, [&name](const Verb &one) { return name == one.name; });
    if (verb == kVerbs.end()) {
        return fail(EINVAL, "there is no command " + quote(name) + "; --help lists them");
    }
    failure = verb->failure;
    if (verb->enters) {
        TRY(isolate::protect_program());
    }
    return verb->run(global.settings, {parsed.words.begin() + 1, parsed.words.end()});
}

Result<int> run_program(const oci::Arguments &arguments, Global &global, int &failure) {
    const std::vector<oci::Option> options = global_options(global);
    const oci::Parsed parsed = TRY(oci::parse_options(arguments, options, true));
    if (!global.log.empty()) {
        TRY(open_file(global.log, O_WRONLY | O_CREAT | O_APPEND, 0600).within("--log"));
    }
    if (global.version) {
        TRY(oci::print(oci::version_text()));
        return 0;
    }
    if (parsed.help || parsed.words.empty() || parsed.words.front() == "help") {
        TRY(oci::print(usage(options)));
        return parsed.help || !parsed.words.empty() ? 0 : 1;
    }
    return run_verb(global, parsed, failure);
}

} // namespace

int main(int count, char **arguments) {
    Global global;
    if (geteuid() != 0) {
        global.settings.rootless = true;
        const char *runtime = getenv("XDG_RUNTIME_DIR"); // NOLINT(concurrency-mt-unsafe): one thread
        global.settings.root = std::filesystem::path(runtime != nullptr ? runtime : "/tmp") / "ballast-oci";
    }
    global.settings.warn = [&global](const std::string &message) {
        if (!log_line(global, "warning", message)) { // without a log, whoever runs it by hand should know
            (void)write_all(BorrowedFd(STDERR_FILENO), "ballast-oci: warning: " + escaped(message) + "\n");
        }
    };
    int failure = 1;
    const Result<int> status = run_program({arguments + 1, arguments + count}, global, failure);
    if (!status.has_value()) {
        report(global, status.error().message);
        return failure;
    }
    return *status;
}
