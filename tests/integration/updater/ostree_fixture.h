// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/http/file_server.h"
#include "tests/unit/check.h"
#include "updater/ostree.h"

// A signed repository behind a real HTTP server, and a system root with one deployment: made by ostree's own command,
// looked at by the updater's adapter.
namespace ballast::updater_test {

inline constexpr const char *kRef = "ballast/stable/x86_64/cloud";
inline constexpr std::int64_t kNow = 1'790'000'000; // the machine's clock in these tests

class SigningHome {
  public:
    explicit SigningHome(const std::string &name); // makes an ed25519 key
    std::vector<std::string> options() const;      // for ostree commit and ostree summary
    std::string public_key() const;

  private:
    TemporaryDirectory home_; // short: gpg-agent's socket lies there
    std::string fingerprint_;
};

struct CommitOptions {
    std::string version;
    std::int64_t timestamp = kNow - 1000;
    std::string ref = kRef;
    const SigningHome *key = nullptr; // nullptr: unsigned
};

class World {
  public:
    World();

    const SigningHome &key() const { return key_; }
    // A commit that differs in a file of its own; returns the checksum. The summary is renewed and signed.
    std::string commit(const CommitOptions &options);
    std::string commit(const std::string &version);
    void renew_summary(const SigningHome *key, std::optional<std::int64_t> expires = kNow + 1000);

    updater::Sysroot open() const;
    updater::Source source() const;
    std::vector<std::string> versions() const; // of the deployments, in boot order
    std::filesystem::path repository() const { return scratch_.path() / "repo"; }
    std::filesystem::path root() const { return scratch_.path() / "root"; }
    std::string boot_menu() const;

  private:
    TemporaryDirectory scratch_;
    SigningHome key_;
    std::optional<FileServer> server_;
};

void command(std::vector<std::string> arguments);

} // namespace ballast::updater_test
