// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/network/dns/client.h"
#include "runtime/network/dns/names.h"
#include "runtime/network/dns/sockets.h"

namespace ballast::dns {

// The resolver of all containers on networks of their own. What it is asked it answers from names(), or passes on to
// name servers, from the host's network namespace. One thread serves everybody; it starts with the first container.
// Any thread may call.
//
// Containers that run while the engine starts again are attached again: with sockets that were kept, so that questions
// asked meanwhile are answered, too, or with new ones.
class Resolver {
  public:
    explicit Resolver(std::filesystem::path resolv_conf_of_host = "/etc/resolv.conf");
    ~Resolver();

    Names &names() { return names_; }

    // In place of what was attached for that container. `sockets` are from open_sockets(), or copies of them.
    Status attach(const std::string &container, Sockets sockets, ClientSettings settings);
    // Its networks are others now. One that is not attached is no error.
    void update(const std::string &container, ClientSettings settings);
    void detach(const std::string &container);

  private:
    Names names_;
    HostServers host_;
    std::mutex mutex_; // of `loop_` itself; before the loop's own
    std::unique_ptr<EventLoop> loop_;
    std::map<std::string, std::unique_ptr<Client>> clients_; // under the loop's mutex
};

} // namespace ballast::dns
