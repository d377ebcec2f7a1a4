// SPDX-License-Identifier: Apache-2.0
#include "image-build/signing.h"

#include <sstream>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::image_build {
namespace {

constexpr const char *kUser = "Ballast development key (this machine only)";

Result<std::string> gpg(const std::filesystem::path &home, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"gpg", "--homedir", home.string(), "--batch", "--quiet", "--no-permission-warning"});
    return run_checked({.arguments = std::move(arguments)});
}

Result<std::string> fingerprint_of(const std::filesystem::path &home) {
    std::istringstream lines(TRY(gpg(home, {"--with-colons", "--list-secret-keys"})));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("fpr:")) {
            const std::size_t end = line.rfind(':'), start = line.rfind(':', end - 1) + 1;
            return line.substr(start, end - start);
        }
    }
    return fail(ENOKEY, "no secret key in " + home.string());
}

} // namespace

Result<SigningKey> SigningKey::development(const std::filesystem::path &cache) {
    const std::filesystem::path home = cache / "signing";
    TRY(make_directories(home, 0700));
    const FileLock lock = TRY(FileLock::acquire(home / "ballast.lock"));
    SigningKey key{.fingerprint = {}, .home = home, .public_file = home / "ballast.trustedkeys.gpg"};
    if (!std::filesystem::exists(key.public_file)) {
        // Killed half-way before: what is there has no public file, so nothing was ever signed with it that counts.
        if (!fingerprint_of(home).has_value()) {
            (void)TRY(gpg(home, {"--passphrase", "", "--quick-generate-key", kUser, "ed25519", "sign", "never"})
                          .within("make the development signing key"));
        }
        const std::string exported = TRY(gpg(home, {"--export"}));
        TRY(replace_file(key.public_file, exported));
    }
    key.fingerprint = TRY(fingerprint_of(home).within(
        "the development signing key is damaged; remove " + home.string() +
        " to have a new one made (machines that trust the old one will not take its updates)"));
    return key;
}

} // namespace ballast::image_build
