// SPDX-License-Identifier: Apache-2.0
#include "updater/remote_file.h"

#include <algorithm>

namespace ballast::updater {
namespace {

std::string line(const std::string &key, std::string value) {
    std::erase_if(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return value.empty() ? "" : key + "=" + value + "\n";
}

} // namespace

std::string remote_file(const Source &source) {
    std::string keyrings;
    for (const std::filesystem::path &keyring : source.keyrings) {
        keyrings += (keyrings.empty() ? "" : ";") + keyring.string();
    }
    return "[remote \"" + std::string(kRemoteName) + "\"]\n" +
           line("url", source.urls.empty() ? "" : source.urls.front()) + "gpg-verify=true\ngpg-verify-summary=true\n" +
           line("gpgkeypath", keyrings) + line("proxy", source.proxy) +
           line("tls-ca-path", source.authorities.string()) +
           line("tls-client-cert-path", source.certificate.string()) + line("tls-client-key-path", source.key.string());
}

} // namespace ballast::updater
