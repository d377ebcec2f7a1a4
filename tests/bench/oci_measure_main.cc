// SPDX-License-Identifier: Apache-2.0
// ballast-oci-measure: times OCI runtimes in turn on the same bundles and prints what it found as JSON. Runs on this
// machine and in a test machine alike; `./dev bench oci` calls it and reads the result.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "tests/bench/exit_status.h"
#include "tests/bench/oci_measurement.h"

namespace ballast::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kWarmUp = 3; // rounds that do not count: caches of files and of compiled profiles
constexpr int kRoundsATrace = 20;

struct Arguments {
    Bundles bundles;
    std::filesystem::path state = "/run/ballast-bench";
    int rounds = 200;
    bool own_mounts = false;
    std::vector<std::string> runtimes; // NAME=PROGRAM[,OPTION]...
};

Result<Runtime> runtime_of(const std::string &text, const Arguments &arguments) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
        return fail(EINVAL, "'" + text + "' is not NAME=PROGRAM[,OPTION]...");
    }
    std::vector<std::string> command;
    for (std::size_t at = equals; at != std::string::npos;) {
        const std::size_t comma = text.find(',', at + 1);
        command.push_back(text.substr(at + 1, comma == std::string::npos ? comma : comma - at - 1));
        at = comma;
    }
    return Runtime::make(text.substr(0, equals), std::move(command), arguments.state, arguments.bundles);
}

// A mount namespace whose root is our root, though we may sit in a chroot of it: `crun exec` takes the namespace's root
// for the container's, and in a chroot pivot_root(2) exchanges only the chroot's. cgroup v2 is alone in its place: crun
// wants to see it even where it is to make none, and many a host has both versions mounted. The runtimes' programs lie
// on read-only mounts, as on the hosts that they are for.
Status enter_own_mounts(const std::vector<std::string> &runtimes) {
    if (unshare(CLONE_NEWNS) != 0) {
        return fail_errno("unshare mounts");
    }
    const Fd root = TRY(open_file("/", O_PATH | O_DIRECTORY));
    const Fd mounts = TRY(open_file("/proc/self/ns/mnt", O_RDONLY));
    struct stat chroot_root{}, namespace_root{};
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 || stat("/", &chroot_root) != 0 ||
        setns(mounts.get(), CLONE_NEWNS) != 0 || stat("/", &namespace_root) != 0) {
        return fail_errno("enter the mount namespace's root");
    }
    const bool in_chroot = chroot_root.st_dev != namespace_root.st_dev || chroot_root.st_ino != namespace_root.st_ino;
    if (in_chroot && (fchdir(root.get()) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
                      umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)) {
        return fail_errno("pivot_root");
    }
    if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, nullptr) != 0) {
        return fail_errno("mount cgroup2");
    }
    for (const std::string &text : runtimes) {
        const std::size_t start = text.find('=') + 1;
        const std::string program = text.substr(start, text.find(',') - start);
        if (mount(program.c_str(), program.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
            mount(nullptr, program.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
            return fail_errno("mount " + program + " read-only");
        }
    }
    return {};
}

// What the kernel alone needs: the container's namespaces, exec and exit.
Result<double> floor_once(const std::string &payload) {
    const auto start = steady_clock::now();
    clone_args how{};
    how.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    how.exit_signal = SIGCHLD;
    const long child = syscall(SYS_clone3, &how, sizeof how);
    if (child < 0) {
        return fail_errno("clone3");
    }
    if (child == 0) {
        execl(payload.c_str(), payload.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    if (waitpid(static_cast<pid_t>(child), &status, 0) < 0 || status != 0) {
        return fail(EIO, "run " + payload + " in new namespaces");
    }
    return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

Status one_round(std::vector<Runtime> &runtimes, const std::string &payload, OciResults &results) {
    results.floor.push_back(TRY(floor_once(payload)));
    for (std::size_t i = 0; i < runtimes.size(); ++i) {
        TRY(runtimes[i].time_run(results.runtimes[i].times));
    }
    for (std::size_t i = 0; i < runtimes.size(); ++i) {
        TRY(runtimes[i].time_life(results.runtimes[i].times));
    }
    for (std::size_t i = 0; i < runtimes.size(); ++i) {
        TRY(runtimes[i].time_exec(results.runtimes[i].times));
    }
    return {};
}

double median_seconds(std::vector<double> milliseconds) {
    constexpr double kMilli = 1000;
    std::ranges::sort(milliseconds);
    return milliseconds.empty() ? 0 : milliseconds[milliseconds.size() / 2] / kMilli;
}

Status trace_once(const std::vector<std::string> &command, const std::string &payload, double untraced,
                  TracedCommand &into) {
    const Trace traced = TRY(trace(command, payload));
    if (traced.status != 0) {
        return fail(EIO, command.front() + " fails under the tracer with status " + std::to_string(traced.status));
    }
    add_trace(into, traced, untraced);
    return {};
}

Status trace_all(std::vector<Runtime> &runtimes, const Arguments &arguments, OciResults &results) {
    const std::string &payload = arguments.bundles.payload;
    for (int i = 0; i < std::max(1, arguments.rounds / kRoundsATrace); ++i) {
        for (std::size_t r = 0; r < runtimes.size(); ++r) {
            auto &[name, times, traced] = results.runtimes[r];
            TRY(trace_once(runtimes[r].run_command(), payload, median_seconds(times["run"]), traced["run"]));
            TRY(trace_once(runtimes[r].exec_command(), payload, median_seconds(times["exec"]), traced["exec"]));
        }
    }
    return {};
}

Status measure(const Arguments &arguments) {
    if (arguments.own_mounts) {
        TRY(enter_own_mounts(arguments.runtimes));
    }
    TRY(become_subreaper());
    OciResults results;
    std::vector<Runtime> runtimes;
    for (const std::string &text : arguments.runtimes) {
        runtimes.push_back(TRY(runtime_of(text, arguments)));
        results.runtimes.push_back({.name = runtimes.back().name()});
        TRY(runtimes.back().start_standing());
    }
    for (int round = -kWarmUp; round < arguments.rounds; ++round) {
        if (round == 0) {
            results.floor.clear();
            for (RuntimeResults &runtime : results.runtimes) {
                runtime.times.clear();
            }
        }
        TRY(one_round(runtimes, arguments.bundles.payload, results));
    }
    TRY(trace_all(runtimes, arguments, results));
    std::fputs(to_json(results).c_str(), stdout);
    return {};
}

int main_measure(int argc, char **argv) {
    Arguments arguments;
    CLI::App app("Times OCI runtimes in turn on the same bundles.", "ballast-oci-measure");
    app.add_option("--once", arguments.bundles.once, "bundle whose program ends at once")->required();
    app.add_option("--standing", arguments.bundles.standing, "bundle whose program waits")->required();
    app.add_option("--payload", arguments.bundles.payload, "the program of both, outside of them")->required();
    app.add_option("--state", arguments.state, "the runtimes' states go below it")->capture_default_str();
    app.add_option("-n,--rounds", arguments.rounds, "how often each is timed")->capture_default_str();
    app.add_flag("--own-mounts", arguments.own_mounts, "in a mount namespace with our root as its own, and cgroup v2");
    app.add_option("runtime", arguments.runtimes, "NAME=PROGRAM[,OPTION]...")->required();
    CLI11_PARSE(app, argc, argv);
    return exit_status_of(measure(arguments));
}

} // namespace
} // namespace ballast::bench

int main(int argc, char **argv) { return ballast::bench::main_measure(argc, argv); }
