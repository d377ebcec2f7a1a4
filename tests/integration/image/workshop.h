// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/subprocess.h"
#include "tests/unit/check.h"

// A small checkout, cache and output directory of a test's own, and ballast-build working on them.
namespace ballast::image_tests {

class Workshop {
  public:
    // The checkout holds a manifest of one variant, "tiny", whose packages are enough for a commit.
    Workshop();

    // ballast-build image --commit-only with these further options; stdout and stderr come back. `environment` is
    // added.
    Completed build(std::vector<std::string> options = {}, std::map<std::string, std::string> environment = {}) const;
    // The same command, for those who run it in other surroundings.
    Command command(std::vector<std::string> options, std::map<std::string, std::string> environment) const;

    // Replaces the one occurrence of `from` in the manifest.
    void change_manifest(const std::string &from, const std::string &to) const;

    const std::filesystem::path &directory() const { return directory_.path(); }
    std::filesystem::path manifest() const { return directory() / "checkout/os/manifest.yaml"; }
    std::filesystem::path output() const { return directory() / "out"; }
    std::filesystem::path cache() const { return directory() / "cache"; }

    // Takes over what earlier builds on this machine fetched, so that a test need not fetch it again.
    void borrow_packages() const;

  private:
    TemporaryDirectory directory_;
};

// A build that ended as bad input must: with a status, one message that holds every one of `words`, and nothing left
// under a final name.
void check_refused(const Workshop &workshop, const Completed &build, const std::vector<std::string> &words);

// The paths of the regular files below `directory`, relative to it and sorted; none when it is not there.
std::vector<std::string> files_below(const std::filesystem::path &directory);

} // namespace ballast::image_tests
