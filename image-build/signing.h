// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace ballast::image_build {

// The GnuPG ed25519 keys that commits and summaries are signed with: one, or two while machines move from the old key
// to the new one. A machine needs one good signature of a key that it trusts.
struct SigningKeys {
    std::vector<std::string> fingerprints = {};
    std::filesystem::path home = {};        // GnuPG's home directory with the secret halves
    std::filesystem::path public_file = {}; // the public halves, in GnuPG's keyring format

    // The development key in `cache`/signing, made on first use and never leaving that machine. It has no passphrase.
    static Result<SigningKeys> development(const std::filesystem::path &cache);

    // Keys of `home`, each by its fingerprint or another name that GnuPG knows exactly one secret key by; none named:
    // the only one there is. Their public halves are written to `public_file`. ENOKEY, and EINVAL for a key that is not
    // ed25519, may not sign or has expired.
    static Result<SigningKeys> of(const std::filesystem::path &home, const std::vector<std::string> &names,
                                  const std::filesystem::path &public_file);
};

// Makes a key without passphrase and expiry in `home` (made 0700 when missing) and returns its fingerprint: who can
// read that directory can sign. EEXIST when there is a key for `user` already.
Result<std::string> make_signing_key(const std::filesystem::path &home, const std::string &user);

// The public halves in the keyring format that OSTree reads.
Result<std::string> export_public_keys(const std::filesystem::path &home, const std::vector<std::string> &fingerprints);

} // namespace ballast::image_build
