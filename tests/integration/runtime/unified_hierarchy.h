// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <functional>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/isolate/cgroup.h"
#include "runtime/isolate/cgroup_tree.h"
#include "tests/unit/check.h"

// Cgroups of version 2 for tests, also on machines that use version 1: mounted where the runtime looks for them, in a
// mount namespace of the test's own.
namespace ballast::isolate {

inline void enter_unified_hierarchy() {
    static const bool there = [] {
        return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, nullptr) == 0;
    }();
    if (!there) {
        SKIP("needs root, and a kernel that mounts cgroup2");
    }
}

inline unsigned machine_controllers() {
    return controller::parse(must(must(cgroup_root()).read("cgroup.controllers")));
}

// The test is skipped where version 2 does not have `wanted`: version 1 may hold them.
inline void need_controllers(unsigned wanted) {
    const unsigned missing = wanted & ~machine_controllers();
    if (missing != 0) {
        SKIP("cgroup version 2 has no " + controller::names(missing) + " here");
    }
}

// A name for cgroups that no other test has, gone with all that is below at the end.
class TestCgroups {
  public:
    TestCgroups() { enter_unified_hierarchy(); }
    TestCgroups(const TestCgroups &) = delete;
    TestCgroups &operator=(const TestCgroups &) = delete;
    ~TestCgroups() {
        Result<Cgroup> all = Cgroup::open({.manager = CgroupManager::kCgroupfs, .path = path_, .scope = {}});
        if (all.has_value()) {
            (void)all->remove(); // a test that failed shows why by itself
        }
    }
    const std::string &path() const { return path_; }
    std::string file(const std::string &name) const { return "/sys/fs/cgroup" + path_ + "/" + name; }
    bool exists(const std::string &name) const { return std::filesystem::exists(file(name)); }

    Result<Cgroup> create(const std::string &name, const oci::Resources &resources = {}) const {
        return Cgroup::create(
            {.manager = CgroupManager::kCgroupfs, .id = "test", .cgroups_path = path_ + "/" + name, .annotations = {}},
            resources);
    }

  private:
    std::string path_ = "/ballast-test-" + std::to_string(::getpid());
};

// A process that was born in a cgroup, as containers are. Killed at the end.
class Inhabitant {
  public:
    // `body` runs in it; -1: CLONE_INTO_CGROUP is not used.
    Inhabitant(int directory, const std::function<int()> &body) {
        clone_args arguments{};
        arguments.exit_signal = SIGCHLD;
        if (directory >= 0) {
            arguments.flags = CLONE_INTO_CGROUP;
            arguments.cgroup = static_cast<__u64>(directory);
        }
        pid_ = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
        if (pid_ == 0) {
            (void)::signal(SIGTERM, SIG_DFL); // the test program reports it otherwise
            ::_exit(body());
        }
        REQUIRE(pid_ > 0);
    }
    explicit Inhabitant(const Cgroup &cgroup)
        : Inhabitant(cgroup.clone_into().value(), [] {
              while (true) {
                  ::pause();
              }
              return 0;
          }) {}
    Inhabitant(const Inhabitant &) = delete;
    Inhabitant &operator=(const Inhabitant &) = delete;
    ~Inhabitant() {
        if (pid_ > 0) {
            (void)::kill(pid_, SIGKILL);
            (void)wait();
        }
    }
    pid_t pid() const { return pid_; }
    // The exit code, or 128 and the signal.
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

  private:
    pid_t pid_ = -1;
};

} // namespace ballast::isolate
