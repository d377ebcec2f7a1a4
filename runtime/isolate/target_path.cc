// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/target_path.h"

#include <array>
#include <climits>
#include <cstring>

#include "runtime/isolate/mount_syscalls.h"

namespace ballast::isolate {
namespace {

constexpr int kMostLinks = 40; // MAXSYMLINKS of the kernel
constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

Fd failure(int code) {
    errno = code;
    return {};
}

struct Path {
    std::array<char, PATH_MAX> text{};
    std::size_t size = 0;

    bool assign(const char *from) {
        size = std::strlen(from);
        if (size >= text.size()) {
            return false;
        }
        std::memcpy(text.data(), from, size + 1);
        return true;
    }
    // text = text + "/" + name
    bool append(const char *name) {
        std::size_t length = std::strlen(name);
        if (size + length + 2 > text.size()) {
            return false;
        }
        if (size > 0) {
            text[size++] = '/';
        }
        std::memcpy(text.data() + size, name, length + 1);
        size += length;
        return true;
    }
    void drop_last() {
        while (size > 0 && text[size - 1] != '/') {
            size--;
        }
        size -= size > 0 ? 1 : 0;
        text[size] = '\0';
    }
};

Fd make_entry(int directory, const char *name, TargetKind kind) {
    if (kind == TargetKind::kFile) {
        return Fd(openat(directory, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    }
    if (mkdirat(directory, name, 0755) != 0) {
        return {};
    }
    return Fd(open_at(directory, name, O_PATH | O_NOFOLLOW | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
}

// Walks one component at a time: a single component that is not followed cannot lead out of its directory, so every
// step is safe whatever others rename meanwhile.
class Walk {
  public:
    Walk(int root, TargetKind kind, TargetRules rules) : root_(root), kind_(kind), rules_(rules) {}

    Fd run(const char *path) {
        if (!rest_.assign(path)) {
            return failure(ENAMETOOLONG);
        }
        Fd here(open_at(root_, ".", O_PATH | O_DIRECTORY, kInRoot));
        while (here.is_open() && next()) {
            here = enter(std::move(here));
        }
        if (here.is_open() && rules_.directory_only) {
            return Fd(open_at(here.get(), ".", O_PATH | O_DIRECTORY, kInRoot));
        }
        return here;
    }

  private:
    // Takes the first component off rest_; false at the end.
    bool next() {
        std::size_t start = position_;
        while (start < rest_.size && rest_.text[start] == '/') {
            start++;
        }
        std::size_t end = start;
        while (end < rest_.size && rest_.text[end] != '/') {
            end++;
        }
        if (start == end || end - start > NAME_MAX) {
            too_long_ = start != end;
            position_ = end;
            name_[0] = '\0';
            return too_long_;
        }
        std::memcpy(name_.data(), rest_.text.data() + start, end - start);
        name_[end - start] = '\0';
        position_ = end;
        while (end < rest_.size && rest_.text[end] == '/') {
            end++;
        }
        last_ = end == rest_.size;
        return true;
    }

    Fd enter(Fd here) {
        if (too_long_) {
            return failure(ENAMETOOLONG);
        }
        if (std::strcmp(name_.data(), ".") == 0) {
            return here;
        }
        if (std::strcmp(name_.data(), "..") == 0) {
            done_.drop_last();
            return reopen();
        }
        Fd found(open_at(here.get(), name_.data(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS));
        if (!found.is_open()) {
            return errno == ENOENT && done_.append(name_.data()) ? create(here) : Fd();
        }
        struct stat status{};
        if (fstat(found.get(), &status) != 0) {
            return {};
        }
        if (S_ISLNK(status.st_mode) && !(last_ && rules_.no_follow)) {
            return follow(std::move(here), found);
        }
        return done_.append(name_.data()) ? std::move(found) : failure(ENAMETOOLONG);
    }

    Fd follow(Fd here, const Fd &link) {
        if (rules_.no_symlinks || ++links_ > kMostLinks) {
            return failure(ELOOP);
        }
        std::array<char, PATH_MAX> left{};
        std::size_t left_size = rest_.size - position_;
        std::memcpy(left.data(), rest_.text.data() + position_, left_size);
        ssize_t size = readlinkat(link.get(), "", rest_.text.data(), rest_.text.size());
        if (size < 0) {
            return {};
        }
        if (static_cast<std::size_t>(size) + left_size >= rest_.text.size()) {
            return failure(ENAMETOOLONG);
        }
        bool absolute = rest_.text[0] == '/';
        std::memcpy(rest_.text.data() + size, left.data(), left_size);
        rest_.size = static_cast<std::size_t>(size) + left_size;
        rest_.text[rest_.size] = '\0';
        position_ = 0;
        if (absolute) {
            done_.assign("");
            return reopen();
        }
        return here;
    }

    // done_ holds no link when it was walked; when that changed meanwhile, NO_SYMLINKS says so.
    Fd reopen() {
        return Fd(open_at(root_, done_.size == 0 ? "." : done_.text.data(), O_PATH | O_DIRECTORY,
                          kInRoot | RESOLVE_NO_SYMLINKS));
    }

    Fd create(const Fd &directory) {
        TargetKind kind = last_ ? kind_ : TargetKind::kDirectory;
        Fd made = make_entry(directory.get(), name_.data(), kind);
        if (made.is_open() || errno != EEXIST) {
            return made;
        }
        // Somebody else made it in between: it is opened like any that was there, and not followed.
        int flags = O_PATH | O_NOFOLLOW | (kind == TargetKind::kFile ? 0 : O_DIRECTORY);
        return Fd(open_at(directory.get(), name_.data(), flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    }

    int root_;
    TargetKind kind_;
    TargetRules rules_;
    Path rest_, done_;
    std::size_t position_ = 0;
    std::array<char, NAME_MAX + 1> name_{};
    bool last_ = false;
    bool too_long_ = false;
    int links_ = 0;
};

// For what is mostly missing, the last component of a directory that is there. Not open when it is more than that.
Fd make_last(int root, const char *path, TargetKind kind, TargetRules rules) {
    Path parent;
    const char *slash = std::strrchr(path, '/');
    const char *name = slash == nullptr ? path : slash + 1;
    if (*name == '\0' || !parent.assign(path)) {
        return {};
    }
    if (slash == nullptr) {
        return make_entry(root, name, kind);
    }
    parent.drop_last();
    Fd directory(open_at(root, parent.text.data(), O_PATH | O_DIRECTORY,
                         kInRoot | (rules.no_symlinks ? RESOLVE_NO_SYMLINKS : 0)));
    return directory.is_open() ? make_entry(directory.get(), name, kind) : Fd();
}

} // namespace

Fd open_target(int root, const char *path, TargetRules rules) {
    int flags = O_PATH | (rules.no_follow ? O_NOFOLLOW : 0) | (rules.directory_only ? O_DIRECTORY : 0);
    return Fd(
        open_at(root, *path == '\0' ? "." : path, flags, kInRoot | (rules.no_symlinks ? RESOLVE_NO_SYMLINKS : 0)));
}

Fd make_target(int root, const char *path, TargetKind kind, TargetRules rules, bool *existed) {
    Fd there = open_target(root, path, rules);
    if (existed != nullptr) {
        *existed = there.is_open();
    }
    if (there.is_open() || errno != ENOENT) {
        return there;
    }
    Fd made = make_last(root, path, kind, rules);
    return made.is_open() ? std::move(made) : Walk(root, kind, rules).run(path);
}

} // namespace ballast::isolate
