// SPDX-License-Identifier: Apache-2.0
#include "image-build/signing.h"

#include <sstream>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/subprocess.h"

namespace ballast::image_build {
namespace {

constexpr const char *kUser = "Ballast development key (this machine only)";

Result<std::string> gpg(const std::filesystem::path &home, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"gpg", "--homedir", home.string(), "--batch", "--quiet", "--no-permission-warning"});
    return run_checked({.arguments = std::move(arguments)});
}

struct SecretKey {
    std::string fingerprint;
    std::string algorithm; // "22" is EdDSA: RFC 4880bis
    std::string abilities; // "sc": lower case is the key's own; capital letters are the whole set's
    std::string validity;  // "e": expired, "r": revoked
};

constexpr const char *kEdDsa = "22";

std::vector<std::string> fields_of(const std::string &line) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ':');) {
        fields.push_back(std::move(field));
    }
    return fields;
}

// GnuPG's doc/DETAILS: a line "sec" for each key, then "fpr" with its fingerprint.
Result<std::vector<SecretKey>> secret_keys(const std::filesystem::path &home, const std::string &name = {}) {
    std::vector<std::string> arguments{"--with-colons", "--list-secret-keys"};
    if (!name.empty()) {
        arguments.insert(arguments.end(), {"--", name});
    }
    constexpr std::size_t kValidity = 1, kAlgorithm = 3, kFingerprint = 9, kAbilities = 11;
    std::istringstream lines(TRY(gpg(home, std::move(arguments))));
    std::vector<SecretKey> keys;
    for (std::string line; std::getline(lines, line);) {
        const std::vector<std::string> fields = fields_of(line);
        if (fields[0] == "sec" && fields.size() > kAbilities) {
            keys.push_back({.fingerprint = {},
                            .algorithm = fields[kAlgorithm],
                            .abilities = fields[kAbilities],
                            .validity = fields[kValidity]});
        } else if (fields[0] == "fpr" && fields.size() > kFingerprint && !keys.empty() &&
                   keys.back().fingerprint.empty()) {
            keys.back().fingerprint = fields[kFingerprint];
        }
    }
    return keys;
}

Result<std::string> fingerprint_of(const std::filesystem::path &home, const std::string &name = {}) {
    const std::string which = name.empty() ? "" : " by the name " + quote(name);
    const Result<std::vector<SecretKey>> keys = secret_keys(home, name);
    if (!keys.has_value() || keys->empty()) {
        return fail(ENOKEY, "no secret key" + which + " in " + home.string());
    }
    if (keys->size() > 1) {
        return fail(ENOKEY, std::to_string(keys->size()) + " secret keys" + which + " in " + home.string() +
                                ": name the key by its fingerprint");
    }
    const SecretKey &key = keys->front();
    if (key.algorithm != kEdDsa || !key.abilities.contains('s')) {
        return fail(EINVAL, "key " + key.fingerprint + " is no ed25519 key for signing");
    }
    if (key.validity == "e" || key.validity == "r") {
        return fail(EINVAL, "key " + key.fingerprint + (key.validity == "e" ? " has expired" : " is revoked"));
    }
    return key.fingerprint;
}

Result<std::string> generate(const std::filesystem::path &home, const std::string &user) {
    return gpg(home, {"--passphrase", "", "--quick-generate-key", user, "ed25519", "sign", "never"});
}

} // namespace

Result<SigningKeys> SigningKeys::development(const std::filesystem::path &cache) {
    const std::filesystem::path home = cache / "signing";
    TRY(make_directories(home, 0700));
    const FileLock lock = TRY(FileLock::acquire(home / "ballast.lock"));
    SigningKeys keys{.fingerprints = {}, .home = home, .public_file = home / "ballast.trustedkeys.gpg"};
    if (!std::filesystem::exists(keys.public_file)) {
        // Killed half-way before: what is there has no public file, so nothing was ever signed with it that counts.
        if (!fingerprint_of(home).has_value()) {
            (void)TRY(generate(home, kUser).within("make the development signing key"));
        }
        const std::string exported = TRY(gpg(home, {"--export"}));
        TRY(replace_file(keys.public_file, exported));
    }
    keys.fingerprints = {TRY(fingerprint_of(home).within(
        "the development signing key is damaged; remove " + home.string() +
        " to have a new one made (machines that trust the old one will not take its updates)"))};
    return keys;
}

Result<SigningKeys> SigningKeys::of(const std::filesystem::path &home, const std::vector<std::string> &names,
                                    const std::filesystem::path &public_file) {
    SigningKeys keys{.fingerprints = {}, .home = std::filesystem::absolute(home), .public_file = public_file};
    if (!std::filesystem::is_directory(home)) {
        return fail(ENOENT, home.string() + " is no directory: it has to be GnuPG's home with the signing keys");
    }
    for (const std::string &name : names.empty() ? std::vector<std::string>{""} : names) {
        keys.fingerprints.push_back(TRY(fingerprint_of(keys.home, name)));
    }
    if (!public_file.empty()) {
        const std::string exported = TRY(export_public_keys(keys.home, keys.fingerprints));
        TRY(replace_file(public_file, exported));
    }
    return keys;
}

Result<std::string> make_signing_key(const std::filesystem::path &home, const std::string &user) {
    TRY(make_directories(home, 0700));
    if (const Result<std::vector<SecretKey>> same = secret_keys(home, "=" + user); same.has_value() && !same->empty()) {
        return fail(EEXIST, home.string() + " has a key for " + quote(user) + " already: " + same->front().fingerprint);
    }
    (void)TRY(generate(home, user).within("make a signing key"));
    return fingerprint_of(home, "=" + user);
}

Result<std::string> export_public_keys(const std::filesystem::path &home,
                                       const std::vector<std::string> &fingerprints) {
    std::vector<std::string> arguments{"--export", "--"};
    arguments.insert(arguments.end(), fingerprints.begin(), fingerprints.end());
    return gpg(home, std::move(arguments));
}

} // namespace ballast::image_build
