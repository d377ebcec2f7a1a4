// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/pod_directory.h"

#include <algorithm>
#include <fcntl.h>
#include <sstream>
#include <sys/mount.h>

#include "base/file_io.h"
#include "base/lines.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

// proc(5): blanks and backslashes are written as three octal digits.
std::string unescaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (text.size() >= 4 && text[0] == '\\') {
            out += static_cast<char>(((text[1] - '0') << 6) | ((text[2] - '0') << 3) | (text[3] - '0'));
            text.remove_prefix(4);
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

} // namespace

fs::path PodDirectory::termination_message(const std::string &container, unsigned attempt) const {
    return path_ / "containers" / container / std::to_string(attempt);
}

fs::path PodDirectory::empty_dir(const std::string &volume) const {
    return path_ / "volumes" / "kubernetes.io~empty-dir" / volume;
}

fs::path PodDirectory::files(const std::string &kind, const std::string &volume) const {
    const std::string name = kind == "configMap" ? "configmap" : kind == "downwardAPI" ? "downward-api" : kind;
    return path_ / "volumes" / ("kubernetes.io~" + name) / volume;
}

fs::path PodDirectory::claim(const std::string &volume) const {
    return path_ / "volumes" / "kubernetes.io~local-volume" / volume;
}

fs::path PodDirectory::sub_path(const std::string &volume, const std::string &container, std::size_t number) const {
    return path_ / "volume-subpaths" / volume / container / std::to_string(number);
}

Status PodDirectory::make() const {
    constexpr mode_t kMode = 0750;
    TRY(make_directories(path_, kMode));
    return {};
}

Status PodDirectory::remove() const {
    for (const fs::path &mount : TRY(mounts_below(path_))) {
        // Lazily: who still has a file open there keeps it, and nobody finds it any more.
        if (::umount2(mount.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) {
            return fail_errno("unmount " + mount.string());
        }
    }
    return remove_tree(path_);
}

Result<std::vector<std::string>> pods_with_directories(const fs::path &root) {
    std::vector<std::string> uids;
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(root / "pods", error)) {
        uids.push_back(entry.path().filename().string());
    }
    if (error && error.value() != ENOENT) {
        return fail(error.value(), (root / "pods").string() + ": " + error.message());
    }
    return uids;
}

Result<std::vector<fs::path>> mounts_below(const fs::path &directory) {
    constexpr int kMountPoint = 5; // of the fields of a line, proc_pid_mountinfo(5)
    const Fd file = TRY(open_file("/proc/self/mountinfo", O_RDONLY));
    const std::string prefix = directory.string() + "/";
    std::vector<fs::path> mounts;
    for (const std::string &line : lines_of(TRY(read_all(file, "mountinfo")))) {
        std::istringstream stream(line);
        std::string field;
        for (int i = 0; i < kMountPoint && stream >> field; i++) {
        }
        if (std::string place = unescaped(field); place.starts_with(prefix)) {
            mounts.emplace_back(std::move(place));
        }
    }
    std::ranges::reverse(mounts); // what was mounted last goes first
    return mounts;
}

} // namespace ballast::agent
