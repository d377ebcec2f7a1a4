// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/subprocess.h"

// Commands in the guest over OpenSSH: one authenticated connection kept open (ControlMaster), each command a cheap
// session in it. No file of the user's is read or written.
namespace ballast::vm {

// An ed25519 key without passphrase that opens test machines and nothing else.
struct SshKey {
    std::filesystem::path private_file;
    std::string public_line;
};

// The key of `state_directory`, made on first use (0600).
Result<SshKey> test_key(const std::filesystem::path &state_directory);

struct SshTarget {
    std::filesystem::path key;
    std::filesystem::path known_hosts; // made on the first connection
    std::uint16_t port = 0;            // on 127.0.0.1
};

// "ssh ... root@127.0.0.1" as a person could type it.
std::vector<std::string> ssh_command(const SshTarget &target);

// A word that any shell reads back as `text`.
std::string shell_quoted(const std::string &text);

class SshConnection {
  public:
    // Connects; `directory` takes the control socket. Fails with ssh's own words.
    static Result<SshConnection> open(const SshTarget &target, const std::filesystem::path &directory,
                                      std::chrono::milliseconds timeout);

    // The arguments that run `command` (a shell's command line) in the guest.
    std::vector<std::string> arguments(const std::string &command) const;
    // False once the guest or the network between is gone.
    bool is_alive();

  private:
    SshConnection(Child master, std::vector<std::string> prefix)
        : master_(std::move(master)), prefix_(std::move(prefix)) {}
    Child master_;
    std::vector<std::string> prefix_;
};

} // namespace ballast::vm
