// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "image-build/package_set.h"

// What a version brings beside the one before: packages, and the vulnerabilities that their changelogs name.
namespace ballast::image_build::release {

struct PackageChange {
    std::string name;
    std::string from, to;                       // versions; empty: it is new, or gone
    std::set<std::string> vulnerabilities = {}; // mended on the way
    std::string trouble = {};                   // why those are not known; empty: they are

    bool operator==(const PackageChange &) const = default;
};

// Sorted by name. A kernel carries its version in its name: two that differ in it alone are one that changed.
std::vector<PackageChange> compare_packages(const PackageSet &before, const PackageSet &now);

// The changelog's text of a package of the new set.
using ChangelogSource = std::function<Result<std::string>(const Package &package)>;
// Fills in what was mended in the packages that changed. What cannot be had is said in `trouble`.
void find_vulnerabilities(std::vector<PackageChange> &changes, const PackageSet &now, const ChangelogSource &source);

struct ReleaseNotes {
    std::string ref, version, commit;
    std::string since;     // the version before; empty: none
    std::int64_t made = 0; // seconds since 1970
    std::vector<PackageChange> changes;
};
// For people (Markdown) and for machines (JSON).
std::string notes_text(const ReleaseNotes &notes);
std::string notes_json(const ReleaseNotes &notes);

} // namespace ballast::image_build::release
