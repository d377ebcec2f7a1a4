// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace ballast::image_build {

// A GnuPG ed25519 key that commits are signed with.
struct SigningKey {
    std::string fingerprint;
    std::filesystem::path home;        // GnuPG's home directory with the secret half
    std::filesystem::path public_file; // the public half, in GnuPG's keyring format

    // The development key in `cache`/signing, made on first use and never leaving that machine. It has no passphrase.
    static Result<SigningKey> development(const std::filesystem::path &cache);
};

} // namespace ballast::image_build
