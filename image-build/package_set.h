// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "image-build/manifest.h"
#include "image-build/stage.h"

// Which Debian packages an image is made of, resolved and fetched by apt, verified by Debian's archive keys.
namespace ballast::image_build {

struct Package {
    std::string name;
    std::string version;
    std::string architecture;
    std::string sha256;
    bool boot_only = false; // unpacked for its boot loader files, not installed
    // As apt names it in its cache: an epoch's colon is written %3a.
    std::string file_name() const;
    bool operator==(const Package &) const = default;
};

// The packages of one image, sorted by name.
struct PackageSet {
    std::vector<Package> packages;

    // The package lock: one line a package, "name version architecture sha256", boot loader packages marked "boot".
    std::string lock_text() const;
    // EINVAL names file and line of what does not read.
    static Result<PackageSet> read_lock(const std::filesystem::path &file);
    static Result<PackageSet> parse_lock(const std::string &text, const std::string &name);
};

// apt with a state of its own, so that neither the host's nor the build root's is read or written.
class PackageSource {
  public:
    // Package lists and packages are kept under `cache`. `mirror` is a URI or one-line sources; empty: the build
    // root's.
    static Result<PackageSource> open(const std::filesystem::path &cache, const std::string &suite,
                                      const std::string &mirror);

    // Fetches the newest package lists. When that fails and older ones are there, those serve and `warning` says so.
    Status update(const std::filesystem::path &log, std::string &warning);

    // The newest versions of the manifest's packages, all they depend on, and the essential ones.
    Result<PackageSet> resolve(const Manifest &manifest) const;

    // Those of the set that directory() does not hold whole. A damaged file is reported and removed.
    Result<std::vector<Package>> missing(const PackageSet &set) const;

    // Makes every package present in directory(), its SHA-256 checked. A damaged file is fetched again. With `locked`,
    // versions that are neither there nor in the source are all named in one error.
    Status fetch(const PackageSet &set, Stage &stage) const;

    std::filesystem::path file_of(const Package &package) const { return directory() / package.file_name(); }
    std::filesystem::path directory() const { return cache_ / "packages"; }

  private:
    PackageSource(std::filesystem::path cache, std::filesystem::path state, std::string suite)
        : cache_(std::move(cache)), state_(std::move(state)), suite_(std::move(suite)) {}
    Result<std::vector<Package>> print_uris(std::vector<std::string> arguments) const;
    Status download(const std::vector<Package> &wanted, Stage &stage) const;
    std::map<std::string, std::string> environment() const;

    std::filesystem::path cache_, state_;
    std::string suite_;
};

} // namespace ballast::image_build
