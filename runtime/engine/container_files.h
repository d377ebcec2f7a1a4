// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"
#include "runtime/engine/settings.h"

// The files that the engine makes for a container, in its directory on disk, anew at each start and never while it
// runs: hosts, hostname and resolv.conf, with what users of Docker find there.
namespace ballast::engine {

// How a container's network bears on them.
struct FileNetwork {
    bool of_host = false;    // --network host: the host's own files
    bool resolver = false;   // 127.0.0.11 answers in there: names come from the networks' own resolver
    bool ipv6 = false;       // it has an address beyond link-local
    Texts addresses = {};    // its own, for its host name
    Texts host_gateway = {}; // what "host-gateway" of --add-host stands for
    Texts linked = {};       // lines of hosts, of --link
};

struct HostFiles {
    std::string hosts = {};
    std::string resolv_conf = {}; // /etc/resolv.conf
    std::string uplinks = {};     // what systemd-resolved asks itself; empty: it is not there
};
HostFiles read_host_files();

// EINVAL for a host-gateway that there is none of.
Result<std::string> hosts_file(const Snapshot &container, const FileNetwork &network, const HostFiles &host);

// What a container's resolver is told. Of --dns, --dns-search and --dns-option each that the container has; for the
// others the engine's configuration, as it is when the container starts.
struct NameSettings {
    Texts servers = {}, search = {}, options = {};
};
NameSettings name_settings(const HostConfig &container, const Settings &engine);

// With the resolver: it, the host's search domains and options, and ndots:0 unless somebody says otherwise. Otherwise
// the host's servers: where its file names systemd-resolved's stub alone, those that it asks itself, for nobody but the
// host reaches the stub. Servers on the loopback device are left out; without any other it is 8.8.8.8 and 8.8.4.4.
// Servers, search domains (of which "." is none) and options of `names` each take the place of the host's.
std::string resolv_conf(const NameSettings &names, const FileNetwork &network, const HostFiles &host);

// Whether the user has asked for search domains to be tried before a name without a dot.
bool sets_ndots(const NameSettings &names);

// Writes them and enters their paths.
Status write_container_files(Snapshot &container, const std::string &directory, const NameSettings &names,
                             const FileNetwork &network);
// --network container:ID: those of the other one, which has the network.
void share_container_files(Snapshot &container, const Snapshot &other);

// Of --dns, --dns-search, --dns-option and --add-host. EINVAL with Docker's words.
Status check_name_settings(const HostConfig &host);

} // namespace ballast::engine
