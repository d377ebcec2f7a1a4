// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image-build/signing.h"

// The repository that machines are served from, changed by ostree(1). Every step may be repeated: what is there already
// stays, so a publication that was interrupted is finished by running it again.
namespace ballast::image_build::release {

class Repository {
  public:
    // In archive mode; made when it is missing.
    static Result<Repository> open(const std::filesystem::path &directory);
    const std::filesystem::path &directory() const { return directory_; }

    // Copies a commit with all its objects and signatures.
    Status take(const std::string &commit, const std::filesystem::path &from) const;
    // Adds the keys' signatures, those that it does not have.
    Status sign(const std::string &commit, const SigningKeys &keys) const;
    Status point(const std::string &ref, const std::string &commit) const;
    // The commit of a ref; nothing: there is no such ref.
    Result<std::optional<std::string>> resolve(const std::string &ref) const;

    // Seconds since 1970, as the commit says.
    Result<std::int64_t> timestamp(const std::string &commit) const;
    // A file of the commit's tree; nothing: it has none at `path` (absolute).
    Result<std::optional<std::string>> file(const std::string &commit, const std::string &path) const;

    struct Delta {
        std::string from, to; // commits; `from` empty: from nothing
        bool operator==(const Delta &) const = default;
    };
    // Makes it unless it is there. Everything is in the delta: a machine that uses it needs no further objects.
    Status make_delta(const Delta &delta) const;
    Result<std::vector<Delta>> deltas() const;
    Status drop_delta(const Delta &delta) const;
    // Bytes of its files: what a machine downloads.
    Result<std::uint64_t> delta_size(const Delta &delta) const;

    // Removes a commit that no ref names. Missing is fine.
    Status drop_commit(const std::string &commit) const;
    // Removes the objects that no commit needs.
    Status prune() const;

    // Writes the signed summary anew. `expires` (seconds since 1970) stands in its metadata as "ballast.expires", a
    // uint64 in the byte order of x86-64: machines refuse it after that time, so that nobody can feed them an old one
    // for ever.
    Status write_summary(const SigningKeys &keys, std::int64_t expires) const;

  private:
    explicit Repository(std::filesystem::path directory) : directory_(std::move(directory)) {}
    Result<std::string> ostree(std::vector<std::string> arguments) const;
    std::filesystem::path directory_;
};

// Below REPOSITORY: "deltas/XX/YYY-ZZZ", two checksums in libostree's own base64.
std::filesystem::path delta_path(const Repository::Delta &delta);

} // namespace ballast::image_build::release
