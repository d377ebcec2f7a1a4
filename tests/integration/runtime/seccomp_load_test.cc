// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp.h"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <functional>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/isolate/capabilities.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

oci::Seccomp denying(const std::string &name, const std::string &action, std::optional<unsigned> errno_ret = {}) {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.syscalls = {{.names = {name}, .action = action, .errno_ret = errno_ret, .args = {}}};
    return profile;
}

SeccompProgram compiled(const oci::Seccomp &profile) {
    const TemporaryDirectory directory = scratch();
    return must(seccomp_program(profile, directory.path() / "cache"));
}

// Wait status of a child that did `body` and exited with what that returned.
int status_of(const std::function<int()> &body) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}

constexpr int kNotLoaded = 99;

int load(const SeccompProgram &program) {
    int listener = -1;
    const Outcome outcome = load_seccomp(program, listener);
    return outcome.failed() || listener != -1 ? kNotLoaded : 0;
}

TEST_CASE("a filter that was loaded answers", "[seccomp][root]") {
    if (geteuid() != 0) {
        SKIP("needs root");
    }
    const SeccompProgram refuses = compiled(denying("mkdir", "SCMP_ACT_ERRNO", EXDEV));
    const int refused = status_of([&] {
        if (load(refuses) != 0) {
            return kNotLoaded;
        }
        return syscall(SYS_mkdir, "/tmp", 0) != 0 && errno == EXDEV && prctl(PR_GET_SECCOMP) == 2 ? 0 : 1;
    });
    CHECK(refused == 0);
    const SeccompProgram kills = compiled(denying("mkdir", "SCMP_ACT_KILL_PROCESS"));
    const int killed = status_of([&] {
        if (load(kills) != 0) {
            return kNotLoaded;
        }
        syscall(SYS_mkdir, "/tmp", 0);
        return 0;
    });
    REQUIRE(WIFSIGNALED(killed));
    CHECK(WTERMSIG(killed) == SIGSYS);
}

TEST_CASE("every flag of the specification is taken by this kernel", "[seccomp][root]") {
    if (geteuid() != 0) {
        SKIP("needs root");
    }
    oci::Seccomp profile = denying("mkdir", "SCMP_ACT_NOTIFY");
    profile.listener_path = "/run/agent.sock";
    profile.flags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
    const SeccompProgram program = compiled(profile);
    CHECK(status_of([&] {
              int listener = -1;
              return !load_seccomp(program, listener).failed() && listener >= 0 &&
                             (fcntl(listener, F_GETFD) & FD_CLOEXEC) != 0
                         ? 0
                         : 1;
          }) == 0);
}

TEST_CASE("without no_new_privs a filter needs CAP_SYS_ADMIN, with it nothing", "[seccomp][root]") {
    if (geteuid() != 0) {
        SKIP("needs root");
    }
    const SeccompProgram program = compiled(denying("mkdir", "SCMP_ACT_ERRNO"));
    CHECK(status_of([&] {
              if (set_capabilities({}).failed()) {
                  return 1;
              }
              int listener = -1;
              const Outcome outcome = load_seccomp(program, listener);
              return outcome.step == Step::kSeccomp && outcome.code == EACCES ? 0 : 2;
          }) == 0);
    CHECK(status_of([&] {
              if (set_capabilities({}).failed() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
                  return 1;
              }
              return load(program);
          }) == 0);
}

TEST_CASE("a listener answers for the process that loaded the filter", "[seccomp][root]") {
    if (geteuid() != 0) {
        SKIP("needs root");
    }
    oci::Seccomp profile = denying("mkdir", "SCMP_ACT_NOTIFY");
    profile.listener_path = "/run/agent.sock";
    const SeccompProgram program = compiled(profile);
    REQUIRE(program.notifies);
    int channel[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0);
    const pid_t child = fork();
    if (child == 0) {
        int listener = -1;
        if (load_seccomp(program, listener).failed() || write(channel[1], &listener, sizeof listener) < 0) {
            _exit(kNotLoaded);
        }
        _exit(syscall(SYS_mkdir, "/nowhere/at/all", 0) != 0 && errno == EDQUOT ? 0 : 1);
    }
    int number = -1;
    REQUIRE(read(channel[0], &number, sizeof number) == sizeof number);
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    const Fd listener(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
    REQUIRE(listener.is_open());
    seccomp_notif question{};
    REQUIRE(ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_RECV, &question) == 0);
    CHECK(question.data.nr == SYS_mkdir);
    seccomp_notif_resp reply{};
    reply.id = question.id;
    reply.error = -EDQUOT;
    REQUIRE(ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &reply) == 0);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    close(channel[0]);
    close(channel[1]);
}

} // namespace
} // namespace ballast::isolate
