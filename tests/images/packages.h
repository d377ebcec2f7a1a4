// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/images/spec.h"

// Debian packages of any architecture, downloaded by apt from the sources in /etc/apt and kept in a cache directory.
namespace ballast::images {

struct PackageName {
    std::string name;
    std::string architecture;
    auto operator<=>(const PackageName &) const = default;
    std::string describe() const { return name + ":" + architecture; }
};

// What the images need, sorted, each once.
std::vector<PackageName> wanted_packages(const std::vector<ImageSpec> &images);

// An apt command line whose lists, archives and status are private to `state` and that knows these architectures.
std::vector<std::string> apt_command(const std::filesystem::path &state, const std::vector<std::string> &architectures,
                                     const std::vector<std::string> &arguments);

// The file name and SHA-256 in a line of `apt-get download --print-uris`, which prints them from the signed indexes:
// 'URI' FILE SIZE SHA256:DIGEST
struct Announced {
    std::string file;
    std::string sha256;
};
Result<Announced> parse_announcement(const std::string &line);

// A directory with packages.json, the *.deb files it names, and apt's private state.
class PackageCache {
  public:
    static Result<PackageCache> open(const std::filesystem::path &directory);

    // Brings these packages into memory, as apt verified them against Debian's signatures: from the directory, or by
    // apt when one is missing there or damaged, or when `refresh` asks for newer ones. Returns a warning for the user,
    // or "". The directory is locked meanwhile. ENOENT when a package is missing and cannot be had.
    Result<std::string> fetch(const std::vector<PackageName> &packages, bool refresh);

    // The bytes of a package. ENOENT when fetch() did not bring it.
    Result<std::string> read(const PackageName &package) const;

  private:
    explicit PackageCache(std::filesystem::path directory) : directory_(std::move(directory)) {}
    Status load();
    Status save() const;
    Status take(const PackageName &package);
    Status download(const PackageName &package, const std::vector<std::string> &architectures);

    std::filesystem::path directory_;
    std::map<PackageName, Announced> held_; // packages.json
    std::map<PackageName, std::string> contents_;
};

} // namespace ballast::images
