// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <crypt.h>

#include "tests/images/registry_files.h"

namespace ballast::images {
namespace {

constexpr size_t kLongestPassword = 72; // bcrypt ignores what is beyond, docker-registry's refuses it
constexpr unsigned long kRounds = 5;    // 2^5: a test's password needs no more, and every request pays for it

} // namespace

Result<std::string> htpasswd_line(const std::string &user, const std::string &password) {
    if (user.empty() || user.find_first_of(":\n") != std::string::npos) {
        return fail(EINVAL, "registry user \"" + user + "\": must not be empty nor hold a colon");
    }
    if (password.empty() || password.size() > kLongestPassword || password.find('\0') != std::string::npos) {
        return fail(EINVAL, "registry password: must have 1 to 72 bytes");
    }
    crypt_data data{};
    const char *salt = crypt_gensalt_rn("$2b$", kRounds, nullptr, 0, data.output, sizeof data.output);
    if (salt == nullptr) {
        return fail_errno("make a salt for bcrypt");
    }
    const std::string setting = salt;
    const char *hash = crypt_r(password.c_str(), setting.c_str(), &data);
    if (hash == nullptr || hash[0] == '*') {
        return fail_errno("hash a password by bcrypt");
    }
    return user + ":" + hash + "\n";
}

} // namespace ballast::images
