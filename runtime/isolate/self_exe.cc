// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/self_exe.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include "base/fd.h"
#include "base/file_io.h"

namespace ballast::isolate {
namespace {

constexpr const char *kSelf = "/proc/self/exe";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// Running from what nobody can write to: a read-only mount, which only a process of its own mount namespace could make
// writable again (of a clone, nobody), or a sealed copy.
bool is_protected() {
    const Fd self(open(kSelf, O_RDONLY | O_CLOEXEC));
    if (!self.is_open()) {
        return false;
    }
    const int seals = fcntl(self.get(), F_GET_SEALS);
    if (seals >= 0 && (seals & kSeals) == kSeals) {
        return true;
    }
    struct statvfs mount{};
    return fstatvfs(self.get(), &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

// Not open when the caller lacks CAP_SYS_ADMIN or the kernel the calls.
Fd read_only_clone() {
    Fd clone(open_tree(AT_FDCWD, kSelf, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (clone.is_open() && mount_setattr(clone.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
        clone.close();
    }
    return clone;
}

Result<Fd> sealed_copy() {
    const Fd self = TRY(open_file(kSelf, O_RDONLY));
    struct stat status{};
    Fd copy(memfd_create("ballast-oci", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
    if (!copy.is_open() || fstat(self.get(), &status) != 0) {
        return fail_errno("copy the runtime's program");
    }
    for (off_t left = status.st_size; left > 0;) {
        const ssize_t count = sendfile(copy.get(), self.get(), nullptr, static_cast<std::size_t>(left));
        if (count <= 0) {
            return fail_errno("copy the runtime's program", count < 0 ? errno : EIO);
        }
        left -= count;
    }
    if (fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) {
        return fail_errno("seal the copy of the runtime's program");
    }
    return copy;
}

// The words of /proc/self/cmdline: what main() got, before anything changed it.
Result<std::vector<std::string>> own_arguments() {
    const std::string text = TRY(read_file("/proc/self/cmdline"));
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        words.emplace_back(text.c_str() + at);
        at += words.back().size() + 1;
    }
    return words;
}

} // namespace

Status protect_program() {
    if (is_protected()) {
        prctl(PR_SET_NAME, "ballast-oci"); // a process that was started by descriptor is named after its number
        return {};
    }
    Fd program = read_only_clone();
    if (!program.is_open()) {
        program = TRY(sealed_copy());
    }
    std::vector<std::string> words = TRY(own_arguments());
    std::vector<char *> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string &word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    fexecve(program.get(), pointers.data(), environ);
    return fail_errno("start the runtime from its protected copy");
}

} // namespace ballast::isolate
