// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/namespace.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::network {
namespace {

constexpr const char *kOwn = "/proc/thread-self/ns/net";
constexpr std::uint64_t kLargestSysctl = 4096;

Status in_thread(const std::function<Status()> &work) {
    Status outcome;
    std::thread([&] { outcome = work(); }).join();
    return outcome;
}

Status mount_on(const std::filesystem::path &file, BorrowedFd space) {
    (void)TRY(open_file(file, O_RDONLY | O_CREAT, 0));
    const std::string source = "/proc/thread-self/fd/" + std::to_string(space.get());
    return mount(source.c_str(), file.c_str(), nullptr, MS_BIND, nullptr) == 0 ? Status()
                                                                               : fail_errno("mount " + file.string());
}

Result<Fd> make_own() {
    return unshare(CLONE_NEWNET) == 0 ? open_file(kOwn, O_RDONLY) : fail_errno("make a network namespace");
}

// Enters the user namespace, which a process with more than one thread cannot, makes the other, says so by the errno,
// and stays until the other end is closed.
[[noreturn]] void make_and_stay(BorrowedFd owner, int end) {
    int code = setns(owner.get(), CLONE_NEWUSER) == 0 && unshare(CLONE_NEWNET) == 0 ? 0 : errno;
    if (write(end, &code, sizeof code) == sizeof code) {
        while (read(end, &code, sizeof code) < 0 && errno == EINTR) {
        }
    }
    _exit(0);
}

Result<Fd> make_owned(BorrowedFd owner) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("socketpair");
    }
    Fd ours(ends[0]), theirs(ends[1]);
    const long child = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
        ::close(ours.get());
        make_and_stay(owner, theirs.get());
    }
    if (child < 0) {
        return fail_errno("start a process");
    }
    theirs.close();
    int code = 0;
    ssize_t said = -1;
    do {
        said = read(ours.get(), &code, sizeof code);
    } while (said < 0 && errno == EINTR);
    code = said == sizeof code ? code : ECHILD; // it was killed
    Result<Fd> made = code == 0 ? open_file("/proc/" + std::to_string(child) + "/ns/net", O_RDONLY)
                                : fail_errno("make a network namespace for a user namespace", code);
    ours.close();
    while (waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) {
    }
    if (made && setns(made->get(), CLONE_NEWNET) != 0) {
        return fail_errno("enter a network namespace");
    }
    return made;
}

} // namespace

Status make_namespace(const std::filesystem::path &file, const std::function<Status(BorrowedFd)> &work,
                      BorrowedFd owner) {
    return in_thread([&]() -> Status {
        const Fd own = TRY(owner.get() < 0 ? make_own() : make_owned(owner));
        Status done = mount_on(file, own);
        if (done) {
            done = work(own);
        }
        if (!done) {
            drop_namespace(file);
        }
        return done;
    });
}

Status in_namespace(const std::filesystem::path &file, const std::function<Status(BorrowedFd)> &work) {
    const Fd target = TRY(open_file(file, O_RDONLY));
    struct statfs kind{};
    if (fstatfs(target.get(), &kind) != 0 || kind.f_type != NSFS_MAGIC) {
        return fail(ENOENT, file.string() + ": no namespace is mounted there");
    }
    return in_thread([&]() -> Status {
        return setns(target.get(), CLONE_NEWNET) == 0 ? work(target) : fail_errno("enter " + file.string());
    });
}

void drop_namespace(const std::filesystem::path &file) {
    (void)umount2(file.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW); // EINVAL: nothing is mounted
    (void)unlink(file.c_str());                                // ENOENT: it was not there
}

Status write_network_sysctl(const std::string &name, const std::string &value) {
    const Fd file = TRY(open_file("/proc/sys/net/" + name, O_WRONLY));
    return write_all(file, value).within("set net/" + name);
}

Result<std::string> read_network_sysctl(const std::string &name) {
    std::string text = TRY(read_file("/proc/sys/net/" + name, kLargestSysctl));
    text.resize(text.find_last_not_of('\n') + 1);
    return text;
}

} // namespace ballast::network
