// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/subprocess.h"
#include "tests/unit/check.h"

// A channel of small trees: a build's repository, the one that is served, keys, Debian packages, and machines that
// pull.
namespace ballast::release_tests {

inline constexpr const char *kRef = "ballast/stable/x86_64/tiny";

class Channel {
  public:
    Channel();

    // Commits a tree with these files and package lock to the build's repository, one day after the one before.
    std::string build(const std::string &version, const std::map<std::string, std::string> &files = {},
                      const std::string &lock = "");
    std::string make_key(const std::string &user);
    // A package whose changelog is `text`; returns its line for a lock.
    std::string make_package(const std::string &name, const std::string &version, const std::string &changelog);

    // ballast-build release WORDS: how it ended.
    Completed run(std::vector<std::string> words) const;
    std::string run_checked(std::vector<std::string> words) const;
    // release publish of a commit, signed by these keys.
    std::vector<std::string> publish(const std::string &commit, const std::string &version,
                                     const std::vector<std::string> &keys) const;

    // A machine's repository that trusts these keys and pulls from what is served.
    std::filesystem::path make_machine(const std::string &name, const std::vector<std::string> &keys,
                                       const std::string &url = "") const;
    Completed pull(const std::filesystem::path &machine, std::vector<std::string> options = {}) const;

    std::string ostree(std::vector<std::string> arguments) const;
    std::filesystem::path served() const { return directory() / "served"; }
    std::filesystem::path built() const { return directory() / "built"; }
    std::filesystem::path home() const { return directory() / "keys"; }
    std::filesystem::path packages() const { return directory() / "packages"; }
    const std::filesystem::path &directory() const { return directory_.path(); }
    std::string releases(const std::string &file) const;
    bool has_commit(const std::string &commit) const;

  private:
    TemporaryDirectory directory_;
    long long time_ = 1'700'000'000;
};

} // namespace ballast::release_tests
