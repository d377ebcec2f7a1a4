// SPDX-License-Identifier: Apache-2.0
#include "image-build/size_report.h"

#include <algorithm>
#include <format>
#include <map>
#include <set>
#include <sstream>
#include <sys/stat.h>

#include "base/file_io.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

std::vector<Size> biggest_first(const std::map<std::string, std::uint64_t> &sizes) {
    std::vector<Size> list;
    for (const auto &[name, bytes] : sizes) {
        list.push_back({name, bytes});
    }
    std::ranges::stable_sort(list, std::ranges::greater{}, &Size::bytes);
    return list;
}

using Seen = std::set<std::pair<dev_t, ino_t>>;

// The size of a regular file that was not seen by another name, 0 for everything else.
std::uint64_t new_size(const fs::path &path, Seen &seen) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
                   seen.emplace(status.st_dev, status.st_ino).second
               ? static_cast<std::uint64_t>(status.st_size)
               : 0;
}

void append(std::string &text, const char *title, const std::vector<Size> &sizes, std::size_t most) {
    text += std::format("\n{}\n", title);
    for (std::size_t i = 0; i < std::min(most, sizes.size()); ++i) {
        text += std::format("{:8.1f} MB  {}\n", static_cast<double>(sizes[i].bytes) / 1e6, sizes[i].name);
    }
}

} // namespace

Result<SizeReport> measure(const fs::path &tree) {
    SizeReport report;
    std::map<std::string, std::uint64_t> packages, directories;
    const fs::path database = tree / "var/lib/dpkg/info";
    std::error_code error;
    for (const auto &entry : fs::directory_iterator(database, error)) {
        if (entry.path().extension() != ".list") {
            continue;
        }
        const std::string name = entry.path().stem().string();
        Seen of_package;
        std::istringstream files(TRY(read_file(entry.path())));
        for (std::string file; std::getline(files, file);) {
            // Debian lists files by paths through /bin, /lib and /sbin, too.
            packages[name.substr(0, name.find(':'))] += new_size(tree / fs::path(file).relative_path(), of_package);
        }
    }
    if (error) {
        return fail(error.value(), "list " + database.string() + ": " + error.message());
    }
    Seen seen;
    for (const auto &entry : fs::recursive_directory_iterator(tree)) {
        const std::uint64_t size = new_size(entry.path(), seen);
        if (size == 0) {
            continue;
        }
        report.total += size;
        fs::path prefix;
        int depth = 0;
        for (const fs::path &part : entry.path().lexically_relative(tree).parent_path()) {
            prefix /= part;
            ++depth;
            if (depth >= 2 && depth <= 4) {
                directories[prefix.string()] += size;
            }
        }
    }
    report.packages = biggest_first(packages);
    report.directories = biggest_first(directories);
    return report;
}

std::string SizeReport::text(std::size_t most) const {
    std::string text = std::format("{:.1f} MB in all\n", static_cast<double>(total) / 1e6);
    append(text, "biggest packages", packages, most);
    append(text, "biggest directories", directories, most);
    return text;
}

} // namespace ballast::image_build
