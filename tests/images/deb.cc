// SPDX-License-Identifier: Apache-2.0
#include "tests/images/deb.h"

#include "tests/images/archive.h"

namespace ballast::images {
namespace {

// Busybox keeps its applets' names sorted, each ended by a NUL, the last by two. These two begin the table because '['
// sorts before every letter.
constexpr std::string_view kTableStart("[\0[[\0", 5);
constexpr size_t kFewestApplets = 50;

} // namespace

Result<std::map<std::string, Entry>> read_deb(std::string_view package) {
    if (TRY(read_ar_member(package, "debian-binary").within("not a Debian package")) != "2.0\n") {
        return fail(EINVAL, "not a Debian package of format 2.0");
    }
    const std::string data = TRY(read_ar_member(package, "data.tar").within("Debian package"));
    std::map<std::string, Entry> files;
    for (Entry &entry : TRY(read_tar(data).within("Debian package"))) {
        std::string path = entry.path;
        files.emplace(std::move(path), std::move(entry));
    }
    return files;
}

Result<std::vector<std::string>> busybox_applets(std::string_view program) {
    for (size_t start = program.find(kTableStart); start != std::string_view::npos;
         start = program.find(kTableStart, start + 1)) {
        std::vector<std::string> names;
        std::string_view rest = program.substr(start);
        for (size_t end = rest.find('\0'); end != 0 && end != std::string_view::npos; end = rest.find('\0')) {
            names.emplace_back(rest.substr(0, end));
            rest.remove_prefix(end + 1);
        }
        if (names.size() >= kFewestApplets) {
            return names;
        }
    }
    return fail(EINVAL, "no table of applets in the program: is it a busybox?");
}

} // namespace ballast::images
