// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The files that docker-registry is given, and what its log says.
namespace ballast::images {

struct RegistryFiles {
    std::uint16_t port = 0; // 0: the kernel chooses
    std::filesystem::path storage = {};
    std::filesystem::path certificate = {}, key = {}; // empty: plain HTTP
    std::filesystem::path passwords = {};             // htpasswd; empty: no authentication
    std::filesystem::path clients = {};               // the authority of clients' certificates; empty: none is asked
};

// docker-registry's configuration: JSON, which its YAML reader takes. Binds to 127.0.0.1.
std::string registry_config(const RegistryFiles &files);

// One line of an htpasswd file, hashed by bcrypt. EINVAL for a user with a colon or without letters, and for a password
// that is empty or longer than bcrypt's 72 bytes.
Result<std::string> htpasswd_line(const std::string &user, const std::string &password);

// Makes a certificate authority and a server certificate for localhost, 127.0.0.1 and `names` (addresses or DNS names)
// by openssl: `directory`/certs.d/ca.crt, `directory`/server.crt, `directory`/server.key.
Status make_certificates(const std::filesystem::path &directory, const std::vector<std::string> &names);

// A client's certificate of that authority: `directory`/certs.d/client.cert and client.key.
Status make_client_certificate(const std::filesystem::path &directory);

// The port in the line by which docker-registry announces that it listens, once the log holds it.
std::optional<std::uint16_t> listening_port(std::string_view log);

} // namespace ballast::images
