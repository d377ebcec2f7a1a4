// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The versions of a channel, in the repository that serves them: REPOSITORY/releases/REF/
//   history.json           what there is, newest first
//   VERSION.md, VERSION.json   what a version brought (changes.h)
// Commits have no parents, so that equal inputs give equal commits: this is where their order stands.
namespace ballast::image_build::release {

struct Version {
    std::string version, commit;
    std::int64_t published = 0; // seconds since 1970

    bool operator==(const Version &) const = default;
};

class History {
  public:
    // A file that is missing is an empty history. EINVAL for one that does not read, or a ref that is no plain path.
    static Result<History> load(const std::filesystem::path &repository, const std::string &ref);
    static Result<History> parse(std::string_view text, const std::string &name);
    std::string text(const std::string &ref) const;
    Status save(const std::filesystem::path &repository, const std::string &ref) const;

    // Newest first.
    const std::vector<Version> &versions() const { return versions_; }
    bool empty() const { return versions_.empty(); }
    // nullptr: there is none of that name.
    const Version *find(std::string_view version) const;
    // In front, unless it is there already. EEXIST for another commit under a version that is there.
    Status add(const Version &version);
    // Takes out all but the newest `keep` and returns them.
    std::vector<Version> drop_beyond(std::size_t keep);

  private:
    std::vector<Version> versions_;
};

// REPOSITORY/releases/REF. EINVAL for a ref that could lead elsewhere.
Result<std::filesystem::path> release_directory(const std::filesystem::path &repository, const std::string &ref);

} // namespace ballast::image_build::release
