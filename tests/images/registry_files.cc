// SPDX-License-Identifier: Apache-2.0
#include "tests/images/registry_files.h"

#include <arpa/inet.h>
#include <charconv>
#include <netinet/in.h>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::images {
namespace {

using nlohmann::json;
using std::filesystem::path;

bool is_address(const std::string &name) {
    in6_addr address{};
    return inet_pton(AF_INET, name.c_str(), &address) == 1 || inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

// A new key with a certificate; the fixed dates leave room for guests whose clock is behind.
std::vector<std::string> certificate_command(const std::string &subject, const path &key, const path &certificate,
                                             const std::vector<std::string> &extensions) {
    std::vector<std::string> command{"openssl",
                                     "req",
                                     "-x509",
                                     "-newkey",
                                     "ec",
                                     "-pkeyopt",
                                     "ec_paramgen_curve:P-256",
                                     "-nodes",
                                     "-config",
                                     "/dev/null",
                                     "-batch",
                                     "-not_before",
                                     "20250101000000Z",
                                     "-not_after",
                                     "20491231235959Z",
                                     "-subj",
                                     subject,
                                     "-keyout",
                                     key,
                                     "-out",
                                     certificate};
    for (const std::string &extension : extensions) {
        command.insert(command.end(), {"-addext", extension});
    }
    return command;
}

} // namespace

std::string registry_config(const RegistryFiles &files) {
    json config{{"version", "0.1"},
                {"log", {{"level", "info"}, {"formatter", "text"}}},
                {"storage",
                 {{"filesystem", {{"rootdirectory", files.storage.string()}}},
                  {"delete", {{"enabled", true}}},
                  {"maintenance", {{"uploadpurging", {{"enabled", false}}}}}}},
                {"http", {{"addr", "127.0.0.1:" + std::to_string(files.port)}}}};
    if (!files.certificate.empty()) {
        config["http"]["tls"] = {{"certificate", files.certificate.string()}, {"key", files.key.string()}};
    }
    if (!files.clients.empty()) {
        config["http"]["tls"]["clientcas"] = {files.clients.string()};
    }
    if (!files.passwords.empty()) {
        config["auth"]["htpasswd"] = {{"realm", "ballast-test-images"}, {"path", files.passwords.string()}};
    }
    return config.dump(2) + "\n";
}

Status make_certificates(const path &directory, const std::vector<std::string> &names) {
    std::string alternatives = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    for (const std::string &name : names) {
        if (name.empty() || name.find_first_of(", \t\n") != std::string::npos) {
            return fail(EINVAL, "certificate name \"" + name + "\" is neither an address nor a DNS name");
        }
        alternatives += (is_address(name) ? ",IP:" : ",DNS:") + name;
    }
    const path authority = directory / "certs.d/ca.crt";
    const path authority_key = directory / "ca.key";
    TRY(make_directories(directory / "certs.d"));
    Command openssl;
    openssl.arguments = certificate_command("/CN=Ballast test registry authority", authority_key, authority,
                                            {"basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"});
    TRY(run_checked(openssl));
    openssl.arguments =
        certificate_command("/CN=Ballast test registry", directory / "server.key", directory / "server.crt",
                            {alternatives, "basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth"});
    openssl.arguments.insert(openssl.arguments.end(), {"-CA", authority, "-CAkey", authority_key});
    TRY(run_checked(openssl));
    return {};
}

Status make_client_certificate(const path &directory) {
    Command openssl;
    openssl.arguments = certificate_command("/CN=Ballast test client", directory / "certs.d/client.key",
                                            directory / "certs.d/client.cert",
                                            {"basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth"});
    openssl.arguments.insert(openssl.arguments.end(),
                             {"-CA", directory / "certs.d/ca.crt", "-CAkey", directory / "ca.key"});
    TRY(run_checked(openssl));
    return {};
}

std::optional<std::uint16_t> listening_port(std::string_view log) {
    constexpr std::string_view announcement = "msg=\"listening on 127.0.0.1:";
    const size_t found = log.find(announcement);
    if (found == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view rest = log.substr(found + announcement.size());
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
    // Without a character behind the number, the line may be half written.
    if (error != std::errc() || end == rest.data() + rest.size()) {
        return std::nullopt;
    }
    return port;
}

} // namespace ballast::images
