// SPDX-License-Identifier: Apache-2.0
#include "base/root_dir.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <random>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

// The kernel answers EAGAIN when a rename elsewhere crosses its walk over ".."; openat2(2) asks to try again.
constexpr int kAttempts = 128;

struct Place {
    Fd parent;
    std::string name;
};

// "a/b/" names what "a/b" names, without following it when it is a link.
fs::path without_trailing_slash(const fs::path &inside) {
    return inside.has_filename() || !inside.has_relative_path() ? inside : inside.parent_path();
}

bool names_an_entry(const fs::path &inside) {
    return inside.has_filename() && inside.filename() != "." && inside.filename() != "..";
}

Result<Place> place_of(const RootDir &root, const fs::path &inside) {
    fs::path plain = without_trailing_slash(inside);
    if (!names_an_entry(plain)) {
        return fail(EINVAL, "\"" + inside.string() + "\" names no entry of a directory");
    }
    fs::path parent = plain.has_parent_path() ? plain.parent_path() : "/";
    return Place{TRY(root.open_path(parent, O_PATH | O_DIRECTORY)), plain.filename()};
}

Result<Place> place_with_parents(const RootDir &root, const fs::path &inside) {
    TRY(root.make_directories(without_trailing_slash(inside).parent_path()));
    return place_of(root, inside);
}

std::string temporary_name() { return ".ballast." + std::to_string(std::random_device{}()); }

// Renames over `name`; takes the temporary away when that fails.
Status move_into_place(const Place &place, const std::string &temporary) {
    if (renameat(place.parent.get(), temporary.c_str(), place.parent.get(), place.name.c_str()) != 0) {
        int code = errno;
        (void)unlinkat(place.parent.get(), temporary.c_str(), 0); // the error that matters is the first one
        return fail_errno("rename", code);
    }
    return {};
}

Result<Fd> create_temporary(const Place &place, std::string &temporary) {
    for (int attempt = 0; attempt < kAttempts; attempt++) {
        temporary = temporary_name();
        Fd fd(openat(place.parent.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (fd.is_open()) {
            return fd;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return fail_errno("create a file beside it");
}

Status make_directory(const RootDir &root, const fs::path &parent, const std::string &name, mode_t mode) {
    Fd above = TRY(root.open_path(parent, O_PATH | O_DIRECTORY));
    if (mkdirat(above.get(), name.c_str(), mode) != 0) {
        // EEXIST: somebody was faster, or a link that leads nowhere stands there; opening it next will tell.
        return errno == EEXIST ? Status() : fail_errno("mkdir");
    }
    Fd made(openat(above.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made.is_open() || fchmod(made.get(), mode) != 0) {
        return fail_errno("chmod");
    }
    return {};
}

} // namespace

Result<RootDir> RootDir::open(const fs::path &directory) {
    return RootDir(TRY(open_file(directory, O_PATH | O_DIRECTORY)), directory);
}

Result<Fd> RootDir::open_path(const fs::path &inside, int flags, mode_t mode) const {
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
    // Unlike open(2), openat2(2) refuses a mode that would not be used.
    how.mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? mode : 0;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    std::string name = inside.empty() ? "." : inside.string();
    int fd = -1;
    for (int attempt = 0; attempt < kAttempts; attempt++) {
        fd = static_cast<int>(syscall(SYS_openat2, fd_.get(), name.c_str(), &how, sizeof how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    if (fd < 0) {
        return fail_errno("open " + name + " in " + path_.string());
    }
    return Fd(fd);
}

Result<std::string> RootDir::read(const fs::path &inside) const {
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever. It changes nothing for regular files.
    Fd fd = TRY(open_path(inside, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    std::string name = inside.string() + " in " + path_.string();
    struct stat status{};
    if (fstat(fd.get(), &status) != 0) {
        return fail_errno("stat " + name);
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(EINVAL, "read " + name + ": not a regular file");
    }
    return read_all(fd, name);
}

Status RootDir::write(const fs::path &inside, std::string_view content, mode_t mode) const {
    std::string what = "write " + inside.string() + " in " + path_.string();
    Place place = TRY(place_with_parents(*this, inside).within(what));
    std::string temporary;
    Fd fd = TRY(create_temporary(place, temporary).within(what));
    Status written = write_all(fd, content);
    if (written && fchmod(fd.get(), mode) != 0) {
        written = fail_errno("chmod");
    }
    if (!written) {
        (void)unlinkat(place.parent.get(), temporary.c_str(), 0); // the error that matters is the first one
        return std::move(written).within(what);
    }
    return move_into_place(place, temporary).within(what);
}

Status RootDir::make_directories(const fs::path &inside, mode_t mode) const {
    std::string what = "make directory " + inside.string() + " in " + path_.string();
    fs::path done = "/";
    for (const fs::path &component : inside.relative_path()) {
        fs::path next = done / component;
        Result<Fd> there = open_path(next, O_PATH | O_DIRECTORY);
        if (!there && there.error().code == ENOENT && !component.empty()) {
            TRY(make_directory(*this, done, component, mode).within(what));
            there = open_path(next, O_PATH | O_DIRECTORY);
        }
        if (!there) {
            return std::unexpected(std::move(there).within(what).error());
        }
        done = next;
    }
    return {};
}

Status RootDir::make_symlink(const std::string &target, const fs::path &inside) const {
    std::string what = "link " + inside.string() + " in " + path_.string();
    Place place = TRY(place_with_parents(*this, inside).within(what));
    std::string temporary = temporary_name();
    if (symlinkat(target.c_str(), place.parent.get(), temporary.c_str()) != 0) {
        return fail_errno(what);
    }
    // rename(2) puts nothing but a directory over a directory.
    if (unlinkat(place.parent.get(), place.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT && errno != ENOTDIR) {
        int code = errno;
        (void)unlinkat(place.parent.get(), temporary.c_str(), 0); // the error that matters is the first one
        return fail_errno(what, code);
    }
    return move_into_place(place, temporary).within(what);
}

Status RootDir::remove(const fs::path &inside) const {
    std::string what = "remove " + inside.string() + " in " + path_.string();
    Result<Place> place = place_of(*this, inside);
    if (!place && place.error().code == ENOENT) {
        return {};
    }
    if (!place) {
        return std::unexpected(std::move(place).within(what).error());
    }
    return remove_tree_at(place->parent, place->name, path_ / inside.relative_path().parent_path());
}

bool RootDir::exists(const fs::path &inside) const {
    return open_path(without_trailing_slash(inside), O_PATH | O_NOFOLLOW).has_value();
}

} // namespace ballast
