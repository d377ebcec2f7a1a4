// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/scratch.h"

#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file_io.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;

constexpr const char *kPrefix = "machine-";

// The directory itself is what is locked: there is no moment at which it exists without its lock file. Between mkdtemp
// and flock another process could sweep it, hence the lock on the parent.
Result<Fd> lock_directory(const fs::path &directory, int operation) {
    Fd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    while (flock(fd.get(), operation) != 0) {
        if (errno != EINTR) {
            return fail_errno("lock " + directory.string());
        }
    }
    return fd;
}

void sweep_locked(const fs::path &parent) {
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(parent, error)) {
        if (!entry.path().filename().string().starts_with(kPrefix)) {
            continue;
        }
        if (const Result<Fd> lock = lock_directory(entry.path(), LOCK_EX | LOCK_NB); lock.has_value()) {
            (void)remove_tree(entry.path()); // of a process that is gone; the next sweep tries again
        }
    }
}

} // namespace

Result<Scratch> Scratch::create(const fs::path &parent) {
    TRY(make_directories(parent));
    const Fd guard = TRY(lock_directory(parent, LOCK_EX));
    sweep_locked(parent);
    std::string path = (fs::absolute(parent) / kPrefix).string() + "XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        return fail_errno("make a directory in " + parent.string());
    }
    Fd lock = TRY(lock_directory(path, LOCK_EX));
    return Scratch(path, std::move(lock));
}

Scratch::~Scratch() {
    if (lock_.is_open()) {
        (void)remove_tree(path_); // what stays is swept by the next machine
    }
}

void Scratch::sweep(const fs::path &parent) {
    if (const Result<Fd> guard = lock_directory(parent, LOCK_EX); guard.has_value()) {
        sweep_locked(parent);
    }
}

} // namespace ballast::vm
