// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "updater/updater_config.h"

// The client's side of the FleetLock protocol (https://coreos.github.io/zincati/development/fleetlock/protocol/):
// a server counts how many machines of a group may restart at once.
namespace ballast::updater {

class FleetLock {
  public:
    // `id` names this machine to the server.
    FleetLock(LockServer server, TlsFiles tls, std::string id)
        : server_(std::move(server)), tls_(std::move(tls)), id_(std::move(id)) {}

    // Takes the lock, which is fine when it is ours already. EAGAIN when the server says no, with its words; other
    // codes as http::Client has them.
    Status acquire() const;
    // Gives it back, which is fine when it was not ours.
    Status release() const;

  private:
    Status ask(const std::string &endpoint) const;
    LockServer server_;
    TlsFiles tls_;
    std::string id_;
};

// The machine's id for lock servers: made of /etc/machine-id, which it does not give away.
Result<std::string> machine_lock_id();

} // namespace ballast::updater
