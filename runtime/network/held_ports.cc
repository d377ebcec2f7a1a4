// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/held_ports.h"

#include <cstdio>
#include <cstring>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/file_io.h"
#include "runtime/network/port_holder.h"

namespace ballast::network {
namespace {

constexpr std::uint16_t kFirstEphemeral = 32768, kLastEphemeral = 60999; // the kernel's own default

struct Range {
    std::uint16_t first = kFirstEphemeral, last = kLastEphemeral;
};

Range ephemeral_range() {
    Range range;
    unsigned first = 0, last = 0;
    const std::string text = read_file("/proc/sys/net/ipv4/ip_local_port_range", 64).value_or("");
    if (std::sscanf(text.c_str(), "%u %u", &first, &last) == 2 && first > 0 && first <= last && last <= 65535) {
        range = {.first = static_cast<std::uint16_t>(first), .last = static_cast<std::uint16_t>(last)};
    }
    return range;
}

int socket_type(Protocol protocol) {
    return protocol == Protocol::kTcp ? SOCK_STREAM : protocol == Protocol::kUdp ? SOCK_DGRAM : SOCK_SEQPACKET;
}

Status bind_to(BorrowedFd socket, const Address &address, std::uint16_t port) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (address.family == Family::kV4) {
        auto *v4 = reinterpret_cast<sockaddr_in *>(&storage);
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        std::memcpy(&v4->sin_addr, address.bytes.data(), sizeof v4->sin_addr);
        size = sizeof *v4;
    } else {
        auto *v6 = reinterpret_cast<sockaddr_in6 *>(&storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        std::memcpy(&v6->sin6_addr, address.bytes.data(), sizeof v6->sin6_addr);
        size = sizeof *v6;
    }
    return ::bind(socket.get(), reinterpret_cast<sockaddr *>(&storage), size) == 0 ? Status() : fail_errno("bind");
}

// Datagrams would fill its buffer.
Status receive_nothing(BorrowedFd socket) {
    sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{.len = 1, .filter = &drop_all};
    return setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0
               ? Status()
               : fail_errno("filter a socket");
}

std::string place_of(const PublishedPort &port) {
    const std::string address = port.host_address.text();
    return (port.host_address.family == Family::kV4 ? address : "[" + address + "]") + ":" +
           std::to_string(port.host_port);
}

// The published ports of one request, but for their number on the host.
std::vector<PublishedPort> without_numbers(const PortRequest &request, const PortTargets &targets) {
    std::vector<Address> hosts;
    if (const std::optional<Address> said = request.host_address ? request.host_address : targets.host;
        said && !(said->is_any() && said->family == Family::kV4 && !request.host_address)) {
        hosts = {*said};
    } else {
        hosts = {Address::any(Family::kV4), Address::any(Family::kV6)};
    }
    std::vector<PublishedPort> ports;
    for (const Address &host : hosts) {
        const std::optional<Address> &own = host.family == Family::kV4 ? targets.v4 : targets.v6;
        const std::optional<Address> target = host.family == Family::kV6 && !own ? targets.v4 : own;
        if (target) {
            ports.push_back({.protocol = request.protocol,
                             .host_address = host,
                             .container_address = *target,
                             .container_port = request.container_port});
        }
    }
    return ports;
}

} // namespace

std::string HeldPorts::holder_of(const PublishedPort &port) const {
    for (const auto &[key, holding] : held_) {
        const auto &[protocol, address, number] = key;
        const bool same_place = address == port.host_address || (address.family == port.host_address.family &&
                                                                 (address.is_any() || port.host_address.is_any()));
        if (protocol == port.protocol && number == port.host_port && same_place) {
            return "container " + holding.container_name;
        }
    }
    return find_port_holder(port.protocol, port.host_address, port.host_port).value_or("");
}

Result<Fd> HeldPorts::bind(const PublishedPort &port) const {
    const bool v6 = port.host_address.family == Family::kV6;
    Fd socket(
        ::socket(v6 ? AF_INET6 : AF_INET, socket_type(port.protocol) | SOCK_CLOEXEC, static_cast<int>(port.protocol)));
    if (!socket.is_open()) {
        // A kernel without the protocol or the family has nobody who could have the port.
        const bool absent = errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT || errno == EAFNOSUPPORT;
        return absent ? Result<Fd>(Fd()) : fail_errno("socket");
    }
    const int on = 1;
    if (v6 && setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
        return fail_errno("make a socket of IPv6 alone");
    }
    if (port.protocol == Protocol::kUdp) {
        TRY(receive_nothing(socket));
    }
    Status bound = bind_to(socket, port.host_address, port.host_port);
    const bool absent = !bound && v6 && bound.error().code == EADDRNOTAVAIL && port.host_address.is_any();
    if (absent) {
        return Fd(); // IPv6 is switched off
    }
    std::string holder;
    if (!bound && bound.error().code == EADDRINUSE) {
        holder = holder_of(port);
        if (holder.empty()) { // connections that are closed already: nobody has it
            (void)setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); // else: bind says it again
            bound = bind_to(socket, port.host_address, port.host_port);
        }
    }
    if (!bound) {
        const bool taken = bound.error().code == EADDRINUSE;
        const std::string reason = !taken           ? "cannot assign requested address"
                                   : holder.empty() ? "port is already allocated"
                                                    : "port is already allocated: " + holder + " has it";
        return fail(bound.error().code,
                    "Bind for " + place_of(port) +
                        " failed: " + (taken || bound.error().code == EADDRNOTAVAIL ? reason : bound.error().message));
    }
    return socket;
}

Status HeldPorts::bind_all(Holdings &fresh, const Holding &holder, const std::vector<PublishedPort> &ports) const {
    Holdings bound;
    for (const PublishedPort &port : ports) {
        const Key key{port.protocol, port.host_address, port.host_port};
        if (fresh.contains(key) || held_.contains(key)) {
            const auto found = held_.find(key);
            return fail(EADDRINUSE, "Bind for " + place_of(port) + " failed: port is already allocated: container " +
                                        (found == held_.end() ? holder.container_name : found->second.container_name) +
                                        " has it");
        }
        bound[key] = {
            .container = holder.container, .container_name = holder.container_name, .socket = TRY(bind(port))};
    }
    fresh.merge(bound);
    return {};
}

Result<std::vector<PublishedPort>> HeldPorts::hold_one(Holdings &fresh, const Holding &holder,
                                                       const PortRequest &request, const PortTargets &targets) {
    std::vector<PublishedPort> ports = without_numbers(request, targets);
    const bool any = request.first_host_port == 0;
    const Range range =
        any ? ephemeral_range() : Range{.first = request.first_host_port, .last = request.last_host_port};
    const unsigned count = range.last - range.first + 1U;
    const unsigned start =
        any && next_ephemeral_ >= range.first && next_ephemeral_ <= range.last ? next_ephemeral_ - range.first : 0U;
    Status last = fail(EADDRINUSE, "no port is left to publish on");
    for (unsigned step = 0; step < count && !ports.empty(); step++) {
        const auto number = static_cast<std::uint16_t>(range.first + (start + step) % count);
        for (PublishedPort &port : ports) {
            port.host_port = number;
        }
        last = bind_all(fresh, holder, ports);
        if (last) {
            next_ephemeral_ = any ? static_cast<std::uint16_t>(number + 1) : next_ephemeral_;
            return ports;
        }
        if (last.error().code != EADDRINUSE) {
            break;
        }
    }
    if (ports.empty()) {
        return ports;
    }
    return std::unexpected(last.error());
}

Result<std::vector<PublishedPort>> HeldPorts::hold(const std::string &container, const std::string &container_name,
                                                   const std::vector<PortRequest> &requests,
                                                   const PortTargets &targets) {
    const Holding holder{.container = container, .container_name = container_name, .socket = Fd()};
    Holdings fresh;
    std::vector<PublishedPort> all;
    // Those that name their port first: an ephemeral one must not take it away.
    for (const bool named : {true, false}) {
        for (const PortRequest &request : requests) {
            if ((request.first_host_port != 0) == named) {
                const std::vector<PublishedPort> ports = TRY(hold_one(fresh, holder, request, targets));
                all.insert(all.end(), ports.begin(), ports.end());
            }
        }
    }
    held_.merge(fresh);
    return all;
}

Texts HeldPorts::hold_again(const std::string &container, const std::string &container_name,
                            const std::vector<PublishedPort> &ports) {
    const Holding holder{.container = container, .container_name = container_name, .socket = Fd()};
    Texts problems;
    for (const PublishedPort &port : ports) {
        Holdings fresh;
        if (const Status bound = bind_all(fresh, holder, {port}); !bound) {
            problems.push_back(bound.error().message);
            fresh[{port.protocol, port.host_address, port.host_port}] = {
                .container = container, .container_name = container_name, .socket = Fd()};
        }
        held_.merge(fresh);
    }
    return problems;
}

void HeldPorts::release(const std::string &container) {
    std::erase_if(held_, [&container](const auto &one) { return one.second.container == container; });
}

} // namespace ballast::network
