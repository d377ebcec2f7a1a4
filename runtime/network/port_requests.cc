// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/port_requests.h"

#include <charconv>

#include "base/quote.h"

namespace ballast::network {
namespace {

std::optional<std::uint16_t> number_of(std::string_view text) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// "80" or "80-90".
std::optional<std::pair<std::uint16_t, std::uint16_t>> range_of(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = number_of(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number_of(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return std::pair(*first, *last);
}

} // namespace

Result<ContainerPorts> parse_container_ports(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto range = range_of(text.substr(0, slash));
    const std::string shown = quote(text.substr(0, 100));
    const std::optional<Protocol> protocol =
        slash == std::string_view::npos ? Protocol::kTcp : protocol_of(text.substr(slash + 1));
    if (!protocol) {
        return fail(EINVAL, "invalid port " + shown + ": want the protocol tcp, udp or sctp");
    }
    if (!range || range->first == 0) {
        return fail(EINVAL, "invalid port " + shown + ": want 1 to 65535, or a range of those");
    }
    return ContainerPorts{.protocol = *protocol, .first = range->first, .last = range->second};
}

Result<PortRequest> parse_binding(const ContainerPorts &port, const std::string &host_ip,
                                  const std::string &host_port) {
    PortRequest request{.protocol = port.protocol, .container_port = port.first};
    if (!host_ip.empty()) {
        request.host_address = Address::parse(host_ip);
        if (!request.host_address || request.host_address->is_multicast()) {
            return fail(EINVAL, "invalid address " + quote(host_ip.substr(0, 100)) + " to publish a port on");
        }
    }
    if (!host_port.empty() && host_port != "0") {
        const auto range = range_of(host_port);
        if (!range || range->first == 0) {
            return fail(EINVAL, "invalid port specification: " + quote(host_port.substr(0, 100)));
        }
        request.first_host_port = range->first;
        request.last_host_port = range->second;
    }
    return request;
}

} // namespace ballast::network
