// SPDX-License-Identifier: Apache-2.0
#include "image-build/var_directories.h"

#include <algorithm>
#include <format>
#include <sys/stat.h>
#include <vector>

#include "base/quote.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

// Of the tools that are gone from the image, and what systemd's own tmpfiles.d already declares.
bool is_left_out(const fs::path &inside) {
    static constexpr const char *kTops[] = {"lib/dpkg",
                                            "lib/apt",
                                            "cache/apt",
                                            "cache/debconf",
                                            "lib/ucf",
                                            "backups",
                                            "lib/dracut",
                                            "log/apt",
                                            "log/runit",
                                            "lib/pam",
                                            "cache/adduser",
                                            "lib/systemd/deb-systemd-helper-enabled",
                                            "lib/systemd/deb-systemd-user-helper-enabled",
                                            "lib/wtmpdb",
                                            "local"};
    return std::ranges::any_of(kTops, [&](const fs::path &top) {
        return std::ranges::mismatch(top, inside).in1 == top.end(); // whole components, not letters
    });
}

} // namespace

Result<std::string> var_as_tmpfiles(const fs::path &tree) {
    std::vector<std::string> lines;
    const fs::path var = tree / "var";
    for (auto entry = fs::recursive_directory_iterator(var); entry != fs::recursive_directory_iterator(); ++entry) {
        const fs::path inside = entry->path().lexically_relative(var);
        if (is_left_out(inside)) {
            entry.disable_recursion_pending();
            continue;
        }
        struct stat status{};
        if (::lstat(entry->path().c_str(), &status) != 0) {
            return fail_errno("stat " + entry->path().string());
        }
        const std::string target = S_ISLNK(status.st_mode) ? fs::read_symlink(entry->path()).string() : "";
        for (const std::string &name : {inside.string(), target}) {
            if (name.find_first_of(" \t\n%\"'\\") != std::string::npos) {
                return fail(EINVAL, "tmpfiles.d cannot hold the name " + quote(name) + " of " + entry->path().string());
            }
        }
        if (S_ISLNK(status.st_mode)) {
            lines.push_back(std::format("L /var/{} - - - - {}", inside.string(), target));
        } else if (S_ISDIR(status.st_mode)) {
            lines.push_back(std::format("d /var/{} {:04o} {} {} -", inside.string(), status.st_mode & 07777,
                                        status.st_uid, status.st_gid));
        }
    }
    std::ranges::sort(lines, {}, [](const std::string &line) { return line.substr(2); });
    std::string text = "# Made by the image build from what the packages put below /var.\n";
    for (const std::string &line : lines) {
        text += line + "\n";
    }
    return text;
}

} // namespace ballast::image_build
