// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/runtime/rootfs_fixture.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/isolate/devices.h"
#include "runtime/isolate/mounts.h"
#include "tests/integration/runtime/leave_chroot.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

const char *step_name(Step step) {
    switch (step) {
    case Step::kDone:
        return "";
#define BALLAST_STEP(name, text)                                                                                       \
    case Step::k##name:                                                                                                \
        return #name;
#include "runtime/isolate/steps.inc"
#undef BALLAST_STEP
    }
    return "?";
}

std::string text_of(const Outcome &outcome) {
    return std::string(step_name(outcome.step)) + "[" + std::to_string(outcome.index) +
           "]: " + std::strerror(outcome.code);
}

unsigned long clone_flag(oci::NamespaceType type) {
    switch (type) {
    case oci::NamespaceType::kMount:
        return CLONE_NEWNS;
    case oci::NamespaceType::kCgroup:
        return CLONE_NEWCGROUP;
    case oci::NamespaceType::kUts:
        return CLONE_NEWUTS;
    case oci::NamespaceType::kIpc:
        return CLONE_NEWIPC;
    case oci::NamespaceType::kUser:
        return CLONE_NEWUSER;
    case oci::NamespaceType::kPid:
        return CLONE_NEWPID;
    case oci::NamespaceType::kNetwork:
        return CLONE_NEWNET;
    case oci::NamespaceType::kTime:
        return 0;
    }
    return 0;
}

Outcome set_up_console(const RootfsPlan &plan) {
    Fd directory(openat(plan.root_directory, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
    Fd master(openat(directory.get(), "pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    int unlock = 0;
    if (!master.is_open() || ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) {
        return failed_at(Step::kTerminal);
    }
    Fd slave(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    return slave.is_open() ? mount_console(plan, slave) : failed_at(Step::kTerminal);
}

std::string inside(const Trial &trial, const RootfsPlan &plan, const std::function<std::string()> &check) {
    Fd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (Outcome outcome = build_rootfs(plan, proc); outcome.failed()) {
        return text_of(outcome);
    }
    if (trial.console) {
        if (Outcome outcome = set_up_console(plan); outcome.failed()) {
            return text_of(outcome);
        }
    }
    if (trial.built) {
        trial.built();
    }
    if (Outcome outcome = enter_rootfs(plan); outcome.failed()) {
        return text_of(outcome);
    }
    if (Outcome outcome = finish_rootfs(plan, proc); outcome.failed()) {
        return text_of(outcome);
    }
    return check();
}

std::string outside_of_chroot(const std::function<std::string()> &body) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    Fd out(ends[0]);
    Fd in(ends[1]);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::string text = leave_chroot() ? body() : std::string("leave the chroot: ") + std::strerror(errno);
        _exit(write_all(in, text).has_value() ? 0 : 1);
    }
    in.close();
    std::string text = must(read_all(out, "the report"));
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "the child died: " + text;
}

void write_maps(pid_t child, const oci::Linux &part) {
    std::string process = "/proc/" + std::to_string(child) + "/";
    const oci::IdMapping &uids = part.uid_mappings.at(0);
    std::string line =
        std::to_string(uids.container_id) + " " + std::to_string(uids.host_id) + " " + std::to_string(uids.size) + "\n";
    must(write_file(process + "uid_map", line));
    must(write_file(process + "gid_map", line));
}

} // namespace

Trial::Trial() : bundle(scratch()), root(bundle.path() / "rootfs") {
    must(make_directories(root));
    spec.root.path = "rootfs";
    settings.bundle = bundle.path();
    for (oci::NamespaceType type : {oci::NamespaceType::kMount, oci::NamespaceType::kPid, oci::NamespaceType::kIpc,
                                    oci::NamespaceType::kUts, oci::NamespaceType::kNetwork}) {
        spec.linux_.namespaces.push_back({type, ""});
    }
}

oci::Mount &Trial::mount(const std::string &type, const std::string &destination, std::vector<std::string> options,
                         const std::string &source) {
    spec.mounts.push_back({.destination = destination,
                           .source = source.empty() ? type : source,
                           .type = type,
                           .options = std::move(options),
                           .uid_mappings = {},
                           .gid_mappings = {}});
    return spec.mounts.back();
}

void Trial::use_defaults() {
    mount("proc", "/proc");
    mount("tmpfs", "/dev", {"nosuid", "strictatime", "mode=755", "size=65536k"});
    mount("devpts", "/dev/pts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"});
    mount("tmpfs", "/dev/shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}, "shm");
    mount("mqueue", "/dev/mqueue", {"nosuid", "noexec", "nodev"});
    mount("sysfs", "/sys", {"nosuid", "noexec", "nodev", "ro"});
    mount("cgroup", "/sys/fs/cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"});
    spec.linux_.masked_paths = {"/proc/acpi",        "/proc/asound",        "/proc/kcore",
                                "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
                                "/proc/timer_stats", "/proc/sched_debug",   "/proc/scsi",
                                "/sys/firmware",     "/proc/interrupts",    "/sys/devices/virtual/powercap"};
    spec.linux_.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

void Trial::new_user_namespace(std::uint32_t first_host_id) {
    spec.linux_.namespaces.push_back({oci::NamespaceType::kUser, ""});
    spec.linux_.uid_mappings = spec.linux_.gid_mappings = {{0, first_host_id, 65536}};
    settings.new_user_namespace = true;
    for (const char *path : {"", "rootfs"}) {
        if (chown((bundle.path() / path).c_str(), first_host_id, first_host_id) != 0) {
            FAIL("chown");
        }
    }
}

void Trial::without(oci::NamespaceType type) {
    std::erase_if(spec.linux_.namespaces, [type](const oci::Namespace &one) { return one.type == type; });
}

void Trial::write(const std::string &inside, const std::string &text) const {
    must(make_directories((root / inside).parent_path()));
    must(write_file(root / inside, text));
}

void Trial::link(const std::string &inside, const std::string &target) const {
    must(make_directories((root / inside).parent_path()));
    if (symlink(target.c_str(), (root / inside).c_str()) != 0) {
        FAIL("symlink");
    }
}

std::string Trial::run(const std::function<std::string()> &check) const {
    bool idmapped = std::ranges::any_of(spec.mounts, [](const oci::Mount &one) { return !one.uid_mappings.empty(); });
    return settings.new_user_namespace || idmapped ? outside_of_chroot([&] { return run_here(check); })
                                                   : run_here(check);
}

std::string Trial::run_here(const std::function<std::string()> &check) const {
    RootfsPlan plan = must(plan_rootfs(spec, settings));
    if (prepare) {
        if (Status prepared = prepare_sources(plan); !prepared) {
            return "prepare: " + prepared.error().message;
        }
    }
    unsigned long flags = SIGCHLD;
    for (const oci::Namespace &one : spec.linux_.namespaces) {
        flags |= clone_flag(one.type);
    }
    std::array<int, 2> said{};
    std::array<int, 2> go{};
    REQUIRE(pipe2(said.data(), O_CLOEXEC) == 0);
    REQUIRE(pipe2(go.data(), O_CLOEXEC) == 0);
    Fd said_out(said[0]);
    Fd said_in(said[1]);
    Fd go_out(go[0]);
    Fd go_in(go[1]);
    auto child = static_cast<pid_t>(syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(60);
        go_in.close(); // the child goes on when the parent's end is closed
        must(read_all(go_out, "the parent's word"));
        std::string text = "could not become root";
        if ((flags & CLONE_NEWUSER) == 0 || (setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0)) {
            text = inside(*this, plan, check);
        }
        _exit(write_all(said_in, text).has_value() ? 0 : 1);
    }
    said_in.close();
    if ((flags & CLONE_NEWUSER) != 0) {
        write_maps(child, spec.linux_);
    }
    go_in.close();
    std::string text = must(read_all(said_out, "the child's report"));
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? text : "killed by signal " + std::to_string(WTERMSIG(status));
}

bool MountLine::has(const std::string &option) const {
    std::istringstream all(options);
    for (std::string one; std::getline(all, one, ',');) {
        if (one == option) {
            return true;
        }
    }
    return false;
}

MountLine mount_line(const std::string &place) {
    MountLine line;
    std::istringstream table(content("/proc/self/mountinfo"));
    for (std::string text; std::getline(table, text);) {
        std::istringstream fields(text);
        std::string id, parent, device, inner_root, where, options, field, propagation;
        fields >> id >> parent >> device >> inner_root >> where >> options;
        if (where != place) {
            continue;
        }
        while (fields >> field && field != "-") {
            propagation += (propagation.empty() ? "" : " ") + field;
        }
        line = {.options = options,
                .type = "",
                .source = "",
                .super_options = "",
                .propagation = propagation,
                .found = true};
        fields >> line.type >> line.source >> line.super_options;
    }
    return line;
}

std::string expect(bool fine, const std::string &what) { return fine ? "" : what + "\n"; }

std::string content(const std::string &path) {
    Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open()) {
        return std::string("errno: ") + std::strerror(errno);
    }
    Result<std::string> text = read_all(fd, path);
    return text ? *text : "errno: " + text.error().message;
}

} // namespace ballast::isolate
