// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "image-build/manifest.h"
#include "image-build/package_set.h"

// Root file systems as archives in the cache, each under the hash of all that it was made from.
namespace ballast::image_build {

// A tar archive whose SHA-256 stands beside it, so that a damaged cache is seen before it becomes an image.
class CachedArchive {
  public:
    CachedArchive(const std::filesystem::path &cache, const std::string &kind, const std::string &key)
        : file_(cache / kind / (key + ".tar")) {}
    const std::filesystem::path &file() const { return file_; }
    // True when the archive is there and whole. A damaged one is reported and removed.
    Result<bool> usable() const;
    // Takes `made` (on the same file system) as the archive.
    Status store(const std::filesystem::path &made) const;
    // Unpacks into the existing `directory` with owners, modes, extended attributes and links.
    Status unpack(const std::filesystem::path &directory, const std::filesystem::path &log) const;
    // Makes `archive` of `directory`, entries sorted and times set to `epoch` (seconds since 1970).
    static Status pack(const std::filesystem::path &directory, const std::filesystem::path &archive, long long epoch,
                       const std::filesystem::path &log);

  private:
    std::filesystem::path checksum_file() const { return file_.string() + ".sha256"; }
    std::filesystem::path file_;
};

struct RootfsInputs {
    const Manifest *manifest;
    const PackageSet *packages;
    const PackageSource *source;
    std::filesystem::path sysusers; // os/sysusers.conf
    std::filesystem::path scratch;  // a directory of the build's own
    long long epoch;                // SOURCE_DATE_EPOCH of what is packed; fixed, so that the cache serves any commit
};

// Installs exactly the locked packages with mmdebstrap and writes the tar archive `output`.
Status make_rootfs(const RootfsInputs &inputs, const std::filesystem::path &output, const std::filesystem::path &log);

// In an unpacked root file system that has apparmor_parser: each profile of `profiles` is laid into
// /usr/share/ballast/apparmor, and its compiled form, which the kernel takes, into /usr/lib/ballast/apparmor.
Status compile_apparmor(const std::filesystem::path &profiles, const std::filesystem::path &tree,
                        const std::filesystem::path &log);

// In an unpacked root file system: compiles Python ahead, purges the manifest's build-only packages, removes its paths,
// drops what differs between two builds. dpkg's database stays complete for the bill of materials.
Status trim_rootfs(const Manifest &manifest, const std::filesystem::path &tree, const std::filesystem::path &log);

// Decompresses every kernel module (.ko.xz) of an unpacked root file system and returns their new names. The modules'
// index (depmod) still names the old ones.
Result<std::vector<std::string>> decompress_modules(const std::filesystem::path &tree,
                                                    const std::filesystem::path &log);

// Runs a command chrooted into `tree` with /proc, /dev and a private /tmp, in a mount namespace that ends with it.
Status run_in_tree(const std::filesystem::path &tree, const std::vector<std::string> &arguments,
                   const std::filesystem::path &log);

} // namespace ballast::image_build
