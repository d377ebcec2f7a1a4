// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/spawn.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::monitor {
namespace {

// What becomes the child's descriptors from kSettingsFd on, out of the way of their numbers there.
class Inheritance {
  public:
    Status add(BorrowedFd fd) {
        const int above = kFirstAdoptedFd + kMostAdopted;
        Fd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, above));
        if (!copy.is_open()) {
            return fail_errno("duplicate a descriptor for the monitor");
        }
        copies_.push_back(std::move(copy));
        return {};
    }
    int apply(posix_spawn_file_actions_t &actions) const {
        int number = kSettingsFd;
        int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        failed = failed != 0 ? failed : posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
        for (const Fd &copy : copies_) {
            failed = failed != 0 ? failed : posix_spawn_file_actions_adddup2(&actions, copy.get(), number++);
        }
        return failed != 0 ? failed : posix_spawn_file_actions_addclosefrom_np(&actions, number);
    }

  private:
    std::vector<Fd> copies_;
};

Result<Fd> settings_file(const Settings &settings) {
    Fd file(memfd_create("ballast-monitor settings", MFD_CLOEXEC));
    if (!file.is_open()) {
        return fail_errno("make the monitor's settings");
    }
    TRY(write_all(file, settings_text(settings)));
    if (lseek(file.get(), 0, SEEK_SET) != 0) {
        return fail_errno("make the monitor's settings");
    }
    return file;
}

int spawn_with(pid_t &pid, const std::string &program, std::string id, const Inheritance &inheritance) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        failed = inheritance.apply(actions);
        // For who looks for it without a connection: the engine, and people.
        std::string name = "ballast-monitor", of = "--container";
        std::array<char *, 4> arguments{name.data(), of.data(), id.data(), nullptr};
        std::array<char *, 1> environment{nullptr};
        failed = failed != 0
                     ? failed
                     : posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments.data(), environment.data());
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

} // namespace

Result<Spawned> spawn(const std::string &program, const Settings &settings, const std::vector<BorrowedFd> &adopted) {
    TRY(read_settings(settings_text(settings))); // the monitor could not say what is wrong with them
    if (adopted.size() > kMostAdopted) {
        return fail(EMFILE, "a monitor adopts at most " + std::to_string(kMostAdopted) + " descriptors");
    }
    const Fd file = TRY(settings_file(settings));
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("make the monitor's control socket");
    }
    Spawned spawned;
    spawned.control = Fd(ends[0]);
    const Fd theirs(ends[1]);
    Inheritance inheritance;
    TRY(inheritance.add(file));
    TRY(inheritance.add(theirs));
    for (const BorrowedFd fd : adopted) {
        TRY(inheritance.add(fd));
    }
    if (const int failed = spawn_with(spawned.pid, program, settings.container_id, inheritance); failed != 0) {
        return fail_errno("start " + quote(program), failed);
    }
    // Safe from reuse of the number: it is our child, and not reaped. By number: see base/subprocess.cc.
    spawned.pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, spawned.pid, 0)));
    if (!spawned.pidfd.is_open()) {
        return fail_errno("pidfd_open of the monitor");
    }
    return spawned;
}

} // namespace ballast::monitor
