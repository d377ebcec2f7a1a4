// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/sysctls.h"

#include <algorithm>
#include <array>

#include "base/quote.h"
#include "base/sysctl_name.h"

namespace ballast::agent {
namespace {

constexpr auto kSafe = std::to_array<std::string_view>(
    {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
     "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
     "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
     "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"});

bool is_allowed(const std::string &name, const Texts &allowed) {
    return std::ranges::contains(kSafe, name) || std::ranges::any_of(allowed, [&](const std::string &pattern) {
               const std::string plain = dotted_sysctl(pattern);
               return plain.ends_with('*') ? name.starts_with(plain.substr(0, plain.size() - 1)) : name == plain;
           });
}

} // namespace

std::optional<std::string> forbidden_sysctl(const Pod &pod, const Texts &allowed) {
    for (const auto &[asked, value] : pod.security.sysctls) {
        const std::string name = dotted_sysctl(asked);
        if (!is_allowed(name, allowed)) {
            return quote(asked) + " not allowlisted";
        }
        const char *host =
            name.starts_with("net.") ? (pod.host_network ? "net" : nullptr) : (pod.host_ipc ? "ipc" : nullptr);
        if (host != nullptr) {
            return quote(asked) + " not allowed with host " + host + " enabled";
        }
    }
    return std::nullopt;
}

} // namespace ballast::agent
