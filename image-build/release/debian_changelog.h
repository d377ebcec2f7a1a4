// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// changelog.Debian of a package (Debian policy 4.4): what changed in each version, newest first.
namespace ballast::image_build::release {

struct ChangelogEntry {
    std::string version;
    std::set<std::string> vulnerabilities; // "CVE-2026-12345"

    bool operator==(const ChangelogEntry &) const = default;
};

// Lines that are neither a heading nor below one are left out, as dpkg-parsechangelog(1) does.
std::vector<ChangelogEntry> parse_changelog(std::string_view text);

// Is Debian version `first` later than `second`? By dpkg(1).
Result<bool> is_later(const std::string &first, const std::string &second);

// What was mended after version `since`, which is not part of it any more.
Result<std::set<std::string>> vulnerabilities_since(const std::vector<ChangelogEntry> &entries,
                                                    const std::string &since);

// The changelog that a package's own file brings; empty when it has none of its own (its documents are a link to
// another package's). ENOENT when the file is not there.
Result<std::string> changelog_of(const std::filesystem::path &package_file, const std::string &package);

} // namespace ballast::image_build::release
