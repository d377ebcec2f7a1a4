// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/name_servers.h"

#include <cstring>
#include <net/if.h>
#include <netinet/in.h>

#include "base/file_io.h"
#include "runtime/network/address.h"
#include "runtime/network/dns/resolv_conf.h"

namespace ballast::dns {
namespace {

constexpr std::uint64_t kLargestFile = 1 << 20;
constexpr std::chrono::seconds kLookEvery{1};

} // namespace

std::optional<NameServer> name_server(std::string_view text, std::uint16_t port) {
    const std::size_t percent = text.find('%');
    const std::optional<network::Address> address = network::Address::parse(text.substr(0, percent));
    if (!address) {
        return std::nullopt;
    }
    NameServer server;
    if (address->family == network::Family::kV4) {
        sockaddr_in whole{};
        whole.sin_family = AF_INET;
        whole.sin_port = htons(port);
        std::memcpy(&whole.sin_addr, address->raw().data(), sizeof whole.sin_addr);
        server.size = sizeof whole;
        std::memcpy(&server.address, &whole, sizeof whole);
        return percent == std::string_view::npos ? std::optional(server) : std::nullopt;
    }
    sockaddr_in6 whole{};
    whole.sin6_family = AF_INET6;
    whole.sin6_port = htons(port);
    std::memcpy(&whole.sin6_addr, address->raw().data(), sizeof whole.sin6_addr);
    if (percent != std::string_view::npos) {
        whole.sin6_scope_id = if_nametoindex(std::string(text.substr(percent + 1)).c_str());
        if (whole.sin6_scope_id == 0) {
            return std::nullopt;
        }
    }
    server.size = sizeof whole;
    std::memcpy(&server.address, &whole, sizeof whole);
    return server;
}

const std::vector<NameServer> &HostServers::get() {
    const auto now = std::chrono::steady_clock::now();
    if (now < look_at_) {
        return servers_;
    }
    look_at_ = now + kLookEvery;
    const FileStamp stamp = stamp_of(file_);
    const bool there = stamp != FileStamp();
    if (there && stamp == seen_ && !servers_.empty()) {
        return servers_;
    }
    seen_ = stamp;
    servers_.clear();
    const std::string text = there ? read_file(file_, kLargestFile).value_or("") : "";
    for (const std::string &written : parse_resolv_conf(text).servers) {
        if (const auto server = name_server(written)) {
            servers_.push_back(*server);
        }
    }
    if (servers_.empty()) {
        servers_.push_back(*name_server("127.0.0.1"));
    }
    return servers_;
}

} // namespace ballast::dns
