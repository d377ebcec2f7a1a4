// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/hooks.h"

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/container/other_namespaces.h"
#include "tests/integration/runtime/leave_chroot.h"
#include "tests/unit/check.h"

namespace ballast::container {
namespace {

namespace fs = std::filesystem;

oci::Hook shell(const std::string &script) {
    return {.path = "/bin/sh", .args = {"sh", "-c", script}, .env = {"PATH=/usr/bin:/bin"}, .timeout = std::nullopt};
}

bool put(const char *file, const char *text) {
    const Fd fd(open(file, O_WRONLY));
    return write(fd.get(), text, std::strlen(text)) > 0;
}

// The first process of namespaces that `flags` name, asleep; a child of a child of ours, as of clone3(2) by another.
class Container {
  public:
    explicit Container(int flags) {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        maker_ = fork();
        REQUIRE(maker_ >= 0);
        if (maker_ == 0) {
            make(flags, ends[1]);
        }
        close(ends[1]);
        REQUIRE(read(ends[0], &pid_, sizeof pid_) == sizeof pid_);
        close(ends[0]);
        pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
        REQUIRE(pidfd_.is_open());
    }
    Container(const Container &) = delete;
    Container &operator=(const Container &) = delete;
    ~Container() { stop(); }

    void stop() {
        if (maker_ > 0) {
            kill(pid_, SIGKILL);
            kill(maker_, SIGKILL);
            waitpid(maker_, nullptr, 0);
            pollfd ended{pidfd_.get(), POLLIN, 0}; // nobody here is its parent
            REQUIRE(poll(&ended, 1, 20'000) == 1);
            maker_ = -1;
        }
    }
    BorrowedFd pidfd() const { return pidfd_; }
    std::string name_of(const std::string &kind) const {
        return fs::read_symlink("/proc/" + std::to_string(pid_) + "/ns/" + kind);
    }

  private:
    [[noreturn]] static void make(int flags, int report) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (((flags & CLONE_NEWUSER) != 0 && !leave_chroot()) || unshare(flags) != 0) {
            _exit(1);
        }
        if ((flags & CLONE_NEWUSER) != 0 &&
            (!put("/proc/self/setgroups", "deny") || !put("/proc/self/uid_map", "0 0 1") ||
             !put("/proc/self/gid_map", "0 0 1"))) {
            _exit(1);
        }
        const pid_t first = fork();
        if (first == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if ((flags & CLONE_NEWNS) != 0) {
                mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr);
                mount("inside", "/mnt", "tmpfs", 0, nullptr);
            }
            if ((flags & CLONE_NEWUTS) != 0 && sethostname("inside", 6) != 0) {
                _exit(1);
            }
            for (;;) {
                pause();
            }
        }
        usleep(100000); // what the first process sets up is there by then
        if (write(report, &first, sizeof first) != sizeof first) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }

    pid_t maker_ = -1;
    pid_t pid_ = -1;
    Fd pidfd_;
};

void need_root() {
    if (geteuid() != 0) {
        SKIP("needs root");
    }
}

TEST_CASE("only namespaces that are not ours are joined", "[hooks][root]") {
    need_root();
    const Container container(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID);
    CHECK(must(other_namespaces(container.pidfd())) == (CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID));
    const Fd us(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
    CHECK(must(other_namespaces(us)) == 0);
    const Fd file = must(open_file("/dev/null", O_RDONLY));
    CHECK(error_of(other_namespaces(file)).code == EBADF);
}

TEST_CASE("a hook inside is in every namespace of the container", "[hooks][root]") {
    need_root();
    const Container container(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS |
                              CLONE_NEWCGROUP);
    const TemporaryDirectory directory = scratch();
    REQUIRE(chmod(directory.path().c_str(), 0777) == 0);
    const std::string out = directory.path() / "out";
    must(run_hooks_inside("createContainer",
                          {shell("cat >" + out + "; uname -n >>" + out + "; for n in uts ipc pid net mnt cgroup; do " +
                                 "readlink /proc/self/ns/$n; done >>" + out + "; grep -c inside /proc/mounts >>" + out +
                                 "; echo pid $$ >>" + out)},
                          "{\"id\":\"x\"}", container.pidfd()));
    std::string wanted = "{\"id\":\"x\"}inside\n";
    for (const char *kind : {"uts", "ipc", "pid", "net", "mnt", "cgroup"}) {
        wanted += container.name_of(kind) + "\n";
    }
    CHECK(must(read_file(out)) == wanted + "1\npid 2\n");
}

TEST_CASE("in a user namespace a hook is its root", "[hooks][root]") {
    need_root();
    const Container container(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNS);
    const TemporaryDirectory directory = scratch();
    const std::string out = directory.path() / "out";
    must(run_hooks_inside("startContainer",
                          {shell("id -u >" + out + "; readlink /proc/$$/ns/user >>" + out + "; uname -n >>" + out +
                                 "; grep -q ' /mnt tmpfs' /proc/$$/mounts && echo mounted >>" + out)},
                          "{}", container.pidfd()));
    CHECK(must(read_file(out)) == "0\n" + container.name_of("user") + "\ninside\nmounted\n");
}

TEST_CASE("a hook in a pid namespace fails, is killed and times out as any other", "[hooks][root]") {
    need_root();
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); // and we reap nobody: a hook that is left to us keeps the namespace
    Container container(CLONE_NEWPID);
    const auto message = [&](const oci::Hook &hook) {
        return error_of(run_hooks_inside("startContainer", {hook}, "{}", container.pidfd())).message;
    };
    CHECK(message(shell("echo no >&2; exit 4")) == "hooks.startContainer[0] \"/bin/sh\": exit status 4: no");
    CHECK(message(shell("kill -9 $$")) == "hooks.startContainer[0] \"/bin/sh\": killed by signal 9 (Killed)");
    CHECK(message(shell("kill -SEGV $$")).contains("killed by signal 11"));
    oci::Hook slow = shell("sleep 100");
    slow.timeout = 1;
    CHECK(message(slow) == "hooks.startContainer[0] \"/bin/sh\": killed after 1 s");
    container.stop();
}

TEST_CASE("a container that is gone has no namespaces to join", "[hooks][root]") {
    need_root();
    Container container(CLONE_NEWUTS);
    container.stop();
    const Error error = error_of(run_hooks_inside("poststart", {shell("exit 0")}, "{}", container.pidfd()));
    CHECK(error.code == ESRCH);
    CHECK(error.message == "hooks.poststart: the container's first process is gone");
    must(run_hooks_inside("poststart", {}, "{}", container.pidfd()));
}

} // namespace
} // namespace ballast::container
