// SPDX-License-Identifier: Apache-2.0
#include "image-build/release/debian_changelog.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <regex>

#include "base/subprocess.h"

namespace ballast::image_build::release {
namespace {

// "openssl (3.5.1-1+deb13u1) trixie-security; urgency=medium"
std::string version_of_heading(const std::string &line) {
    static const std::regex heading("[a-z0-9][a-z0-9+.-]* \\(([^() \t]+)\\)( [^;]+)?;.*", std::regex::icase);
    std::smatch match;
    return !line.starts_with(' ') && std::regex_match(line, match, heading) ? match[1].str() : std::string();
}

void take_vulnerabilities(const std::string &line, std::set<std::string> &into) {
    static const std::regex number("CVE-[0-9]{4}-[0-9]{4,}");
    for (std::sregex_iterator found(line.begin(), line.end(), number); found != std::sregex_iterator(); ++found) {
        into.insert(found->str());
    }
}

} // namespace

std::vector<ChangelogEntry> parse_changelog(std::string_view text) {
    constexpr std::size_t kLongestLine = 4096; // std::regex recurses with a line's length
    std::vector<ChangelogEntry> entries;
    for (const auto part : std::views::split(text, '\n')) {
        const std::string line(
            part.begin(), part.begin() + static_cast<std::ptrdiff_t>(std::min(std::ranges::size(part), kLongestLine)));
        if (std::string version = version_of_heading(line); !version.empty()) {
            entries.push_back({.version = std::move(version), .vulnerabilities = {}});
        } else if (!entries.empty() && line.starts_with(' ')) {
            take_vulnerabilities(line, entries.back().vulnerabilities);
        }
    }
    return entries;
}

Result<bool> is_later(const std::string &first, const std::string &second) {
    const Completed done = TRY(run({.arguments = {"dpkg", "--compare-versions", first, "gt", second}}));
    return done.status == 0;
}

Result<std::set<std::string>> vulnerabilities_since(const std::vector<ChangelogEntry> &entries,
                                                    const std::string &since) {
    std::set<std::string> all;
    for (const ChangelogEntry &entry : entries) {
        if (entry.version == since || !TRY(is_later(entry.version, since))) {
            break;
        }
        all.insert(entry.vulnerabilities.begin(), entry.vulnerabilities.end());
    }
    return all;
}

Result<std::string> changelog_of(const std::filesystem::path &package_file, const std::string &package) {
    if (!std::filesystem::exists(package_file)) {
        return fail(ENOENT, package_file.string() + " is not there");
    }
    // The name without architecture; the second is that of packages whose home is Debian itself.
    for (const char *name : {"changelog.Debian.gz", "changelog.gz"}) {
        const std::string inside = "./usr/share/doc/" + package + "/" + name;
        const Completed done = TRY(run(
            {.arguments = {"/bin/sh", "-c", "dpkg-deb --fsys-tarfile \"$0\" | tar -xO --occurrence=1 \"$1\" | gzip -dc",
                           package_file.string(), inside}}));
        if (done.status == 0 && !done.output.empty()) {
            return done.output;
        }
    }
    return std::string();
}

} // namespace ballast::image_build::release
