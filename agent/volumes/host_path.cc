// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/host_path.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

struct Type {
    std::string_view name;
    mode_t kind;
    const char *what;
};
constexpr std::array kTypes = std::to_array<Type>({
    {"DirectoryOrCreate", S_IFDIR, "a directory"},
    {"Directory", S_IFDIR, "a directory"},
    {"FileOrCreate", S_IFREG, "a file"},
    {"File", S_IFREG, "a file"},
    {"Socket", S_IFSOCK, "a socket file"},
    {"CharDevice", S_IFCHR, "a character device"},
    {"BlockDevice", S_IFBLK, "a block device"},
});

Status make(const HostPath &volume, mode_t kind) {
    constexpr mode_t kDirectoryMode = 0755, kFileMode = 0644;
    if (kind == S_IFDIR) {
        return make_directories(volume.path, kDirectoryMode);
    }
    TRY(open_file(volume.path, O_WRONLY | O_CREAT, kFileMode));
    return {};
}

} // namespace

Status check_host_path(const HostPath &volume) {
    if (volume.type.empty()) {
        return {};
    }
    const auto *const type = std::ranges::find(kTypes, volume.type, &Type::name);
    if (type == kTypes.end()) {
        return fail(EINVAL, "hostPath type " + quote(volume.type) + " is not a known one");
    }
    struct stat found{};
    if (::stat(volume.path.c_str(), &found) != 0) {
        if (errno == ENOENT && volume.type.ends_with("OrCreate")) {
            return make(volume, type->kind).within("hostPath");
        }
        found.st_mode = 0;
    }
    return (found.st_mode & S_IFMT) == type->kind
               ? Status()
               : fail(EINVAL, "hostPath type check failed: " + volume.path + " is not " + type->what);
}

} // namespace ballast::agent
