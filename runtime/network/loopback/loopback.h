// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/network/loopback/hooks.h"
#include "runtime/network/published_port.h"

namespace ballast::network::loopback {

// Ports of containers at the loopback addresses of the host, for the host's own programs: see hooks.h. All of it lives
// in the kernel and goes on without the engine. Not thread-safe.
class Loopback {
  public:
    // `cgroup`: that of version 2 whose processes it is about.
    explicit Loopback(std::filesystem::path cgroup = "/sys/fs/cgroup") : cgroup_(std::move(cgroup)) {}

    // From now on programs in the network namespace of the caller reach exactly these; connections that are there go
    // on, whatever is published. An engine that starts again finds what another has left and goes on with it; with no
    // port nothing is left. Programs are exchanged in one step, and ports one by one. What somebody took away is put
    // back. ENOTSUP without cgroup version 2, or in a kernel without these hooks; EPERM without CAP_BPF and
    // CAP_NET_ADMIN.
    Status publish(std::span<const PublishedPort> ports);

  private:
    using Attached = std::map<const Hook *, std::vector<Fd>>;
    Status open_maps(const Attached &attached);
    Status fill(const std::vector<Entry> &entries);
    Status put_in_force(const Fd &directory, Attached &attached);
    bool in_force(const Attached &attached) const;

    std::filesystem::path cgroup_;
    Fd ports_, flows_;                          // the maps
    std::optional<std::vector<Entry>> filled_;  // what is in `ports_`; absent: nobody has looked
    std::map<const Hook *, std::uint32_t> ids_; // of the programs that we have put in force
};

} // namespace ballast::network::loopback
