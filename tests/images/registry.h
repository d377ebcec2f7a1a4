// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_io.h"
#include "base/result.h"
#include "base/subprocess.h"

// Debian's docker-registry on a loopback port, for tests of whatever pulls images.
namespace ballast::images {

struct RegistryOptions {
    std::uint16_t port = 0; // 0: a free one
    bool tls = false;       // with a certificate authority made for this registry alone
    // Names and addresses for the certificate beside localhost and 127.0.0.1: those by which guests reach the host.
    std::vector<std::string> certificate_names = {};
    bool client_certificates = false; // with TLS: only clients with a certificate of its authority are served
    std::string user = {};            // with `password`: basic authentication; both or neither
    std::string password = {};
};

// A running registry with empty storage; deleting is allowed. Ended, and its storage removed, on destruction.
class Registry {
  public:
    // Returns once it listens and, with a user, has accepted the password.
    static Result<Registry> start(const RegistryOptions &options);
    Registry(Registry &&) = default;
    Registry &operator=(Registry &&) = delete;
    Registry(const Registry &) = delete;
    Registry &operator=(const Registry &) = delete;
    ~Registry();

    // Copies a layout that build_image() made into the registry as NAME:TAG, all platforms, digests unchanged.
    Status push(const std::filesystem::path &layout) const;
    Status push_as(const std::filesystem::path &layout, const std::string &name, const std::string &tag) const;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::uint16_t port() const { return port_; }
    // "127.0.0.1:5000/busybox:latest"
    std::string reference(const std::string &name, const std::string &tag) const;

    // PEM file, and the directory that holds it, as /etc/docker/certs.d does; with client certificates also client.cert
    // and client.key. Exist with TLS only.
    std::filesystem::path ca_certificate() const { return certificates() / "ca.crt"; }
    std::filesystem::path certificates() const { return scratch_.path() / "certs.d"; }
    // Credentials in the format of docker's config.json. Exists with a user only.
    std::filesystem::path credentials() const { return scratch_.path() / "auth.json"; }
    // What the registry wrote, for the report of a failed test.
    std::filesystem::path log() const { return scratch_.path() / "registry.log"; }

    // The options by which skopeo reaches this registry; `prefix` is "", "src-" or "dest-".
    std::vector<std::string> skopeo_options(const std::string &prefix) const;

    // Readable when the registry has ended by itself.
    BorrowedFd ended() const { return server_.pidfd(); }

  private:
    Registry(TemporaryDirectory scratch, Child server, std::uint16_t port, bool tls, bool authenticated)
        : scratch_(std::move(scratch)), server_(std::move(server)), port_(port), tls_(tls),
          authenticated_(authenticated) {}
    Status log_in(const RegistryOptions &options) const;

    TemporaryDirectory scratch_; // outlives the server
    Child server_;
    std::uint16_t port_;
    bool tls_;
    bool authenticated_;
};

} // namespace ballast::images
