// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/file_io.h"
#include "base/result.h"
#include "image-build/release/repository.h"
#include "image-build/signing.h"

namespace ballast::vm {

// Puts files into a directory that stands for "/".
using LayOver = std::function<Status(const std::filesystem::path &root)>;

// A repository beside the image's own, in which further versions of an image appear: its tree with some files laid
// over, signed with the development key that the image trusts.
class Release {
  public:
    // `image_repository`: out/repo, which holds the image's commit. `cache`: with the signing key, and for what is
    // made.
    static Result<Release> create(const std::filesystem::path &image_repository, const std::string &commit,
                                  const std::string &ref, const std::filesystem::path &cache = "/var/cache/ballast");

    // Publishes `version`, which is newer than all before. Returns its commit.
    Result<std::string> publish(const std::string &version, const LayOver &lay_over);
    // Makes the static delta from the image's commit to `commit`, and says how many bytes a machine downloads.
    Result<std::uint64_t> make_delta(const std::string &commit);

    // A file of the image's tree, by its absolute path there.
    Result<std::string> content(const std::string &path) const;
    Result<std::string> initramfs() const; // its absolute path
    std::filesystem::path directory() const { return repository_.directory(); }

  private:
    Release(TemporaryDirectory scratch, image_build::release::Repository repository, image_build::SigningKeys keys)
        : scratch_(std::move(scratch)), repository_(std::move(repository)), keys_(std::move(keys)) {}
    Result<std::string> ostree(std::vector<std::string> arguments) const;
    Status write_summary() const;

    TemporaryDirectory scratch_;
    image_build::release::Repository repository_;
    image_build::SigningKeys keys_;
    std::string base_, ref_;
    long long timestamp_ = 0;
};

} // namespace ballast::vm
