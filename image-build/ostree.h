// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "image-build/package_set.h"
#include "image-build/signing.h"
#include "image-build/tree.h"

// Commits and deployments. The one place of the image build that includes libostree.
namespace ballast::image_build {

// The repository `directory` in archive mode, made when missing.
Status make_archive_repository(const std::filesystem::path &directory);

struct CommitInputs {
    std::filesystem::path repository; // archive mode
    std::filesystem::path tree;
    std::string ref;
    const Release *release;
    const PackageSet *packages;
    const SigningKeys *keys;
    std::uint64_t boot_bytes = 0; // of kernel and initramfs, for who has to make room on /boot
};

// Writes `tree` as a commit without parent, signs it, points the ref at it and renews the signed summary. Version,
// source commit and package list stand in its metadata, object sizes too. Returns the commit's checksum: the same
// inputs give the same one. Without `publish` nothing but objects is written and no ref moves.
Result<std::string> commit_tree(const CommitInputs &inputs, bool publish);

struct SysrootInputs {
    std::filesystem::path sysroot; // an empty directory: becomes the root file system's content, with boot/ in it
    std::filesystem::path repository;
    std::string ref;
    std::string checksum;
    std::string stateroot;
    std::vector<std::string> kernel_arguments;
    std::filesystem::path boot_entries; // the program that writes grub.cfg for libostree
    std::filesystem::path trusted_keys; // public keys that updates must be signed with
};

// A sysroot with one deployment of the commit, tracking "ballast:REF". Returns the deployment's path below the sysroot.
Result<std::string> deploy(const SysrootInputs &inputs);

// A checksum of 64 hexadecimal digits as static deltas are named by: base64 without padding, '_' in place of '/'.
std::string short_checksum(const std::string &checksum);

} // namespace ballast::image_build
