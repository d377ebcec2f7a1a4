// SPDX-License-Identifier: Apache-2.0
#include "boot/switch_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::boot {
namespace {

// linux/magic.h; a root file system is removed by nobody by mistake.
constexpr long kTmpfs = 0x01021994;
constexpr long kRamfs = 0x858458f6;

// Best effort: what stays costs memory, and no more.
void remove_initramfs(const Fd &old) {
    struct statfs kind{};
    if (fstatfs(old.get(), &kind) != 0 || (kind.f_type != kTmpfs && kind.f_type != kRamfs)) {
        return;
    }
    const std::unique_ptr<DIR, int (*)(DIR *)> entries(fdopendir(fcntl(old.get(), F_DUPFD_CLOEXEC, 0)), closedir);
    if (entries == nullptr) {
        return;
    }
    while (const dirent *entry = readdir(entries.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") {
            (void)remove_tree_at(old, name, "/"); // a mount point in use says EBUSY, and stays
        }
    }
}

} // namespace

Status switch_root(const std::string &root) {
    const Fd old = TRY(open_file("/", O_RDONLY | O_DIRECTORY));
    for (const std::string taken : {"/dev", "/proc", "/sys", "/run"}) {
        if (mount(taken.c_str(), (root + taken).c_str(), nullptr, MS_MOVE, nullptr) != 0) {
            return fail_errno("move " + taken + " to " + root + taken);
        }
    }
    if (chdir(root.c_str()) != 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || chroot(".") != 0 ||
        chdir("/") != 0) {
        return fail_errno("make " + root + " the root");
    }
    remove_initramfs(old);
    return {};
}

} // namespace ballast::boot
