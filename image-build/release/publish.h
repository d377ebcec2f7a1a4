// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "image-build/release/changes.h"
#include "image-build/signing.h"

// Giving a built commit out to machines. docs/usage/releases.md is how it is used.
namespace ballast::image_build::release {

struct PublishOptions {
    std::filesystem::path repository; // that machines are served from; made when missing
    std::filesystem::path from;       // the repository of the build
    std::string ref, commit, version; // what was built
    SigningKeys keys;
    std::filesystem::path packages; // directory of the .deb files, for their changelogs
    unsigned deltas = 3;            // from that many versions before; 0: none
    unsigned keep = 10;             // versions of this ref that stay in the repository
    std::chrono::days expires{30};  // of the summary, from now
    bool older = false;             // take a commit although it is older than the newest one
    std::int64_t now = 0;           // seconds since 1970
};

struct Published {
    ReleaseNotes notes;
    struct Delta {
        std::string from; // version
        std::uint64_t bytes = 0;
    };
    std::vector<Delta> deltas;
    std::vector<std::string> dropped; // versions
};

// Copies, signs, makes deltas and notes, and moves the ref and the summary last: a machine that asks in between sees
// the version before. EEXIST when the version is another commit's, ESTALE when the commit is older than the newest one.
Result<Published> publish(const PublishOptions &options);

// Writes the summary anew, with a new time of expiry: to be run more often than it expires. `keys` may be others than
// before. With `resign` every commit that is kept gets their signatures, too.
struct RefreshOptions {
    std::filesystem::path repository;
    SigningKeys keys;
    std::chrono::days expires{30};
    bool resign = false;
    std::int64_t now = 0;
};
Status refresh(const RefreshOptions &options);

// What `to` brings beside `from`; both are versions of the ref's history.
struct CompareOptions {
    std::filesystem::path repository;
    std::string ref, from, to;
    std::filesystem::path packages;
};
Result<ReleaseNotes> compare_versions(const CompareOptions &options);

} // namespace ballast::image_build::release
