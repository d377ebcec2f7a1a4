// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/namespace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>
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

Result<Fd> mount_own(const std::filesystem::path &file) {
    Fd own = TRY(open_file(kOwn, O_RDONLY));
    (void)TRY(open_file(file, O_RDONLY | O_CREAT, 0));
    if (mount(kOwn, file.c_str(), nullptr, MS_BIND, nullptr) != 0) {
        return fail_errno("mount " + file.string());
    }
    return own;
}

} // namespace

Status make_namespace(const std::filesystem::path &file, const std::function<Status(BorrowedFd)> &work) {
    return in_thread([&]() -> Status {
        if (unshare(CLONE_NEWNET) != 0) {
            return fail_errno("make a network namespace");
        }
        Status done;
        if (const Result<Fd> own = mount_own(file)) {
            done = work(*own);
        } else {
            done = std::unexpected(own.error());
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
