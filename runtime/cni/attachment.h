// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/cni/configuration.h"
#include "runtime/network/address.h"

// A container's place in a network, and what plugins are told of it (CNI's CONVENTIONS: "dynamic plugin specific
// fields").
namespace ballast::cni {

struct PortMapping {
    std::uint16_t host = 0;
    std::uint16_t container = 0;
    std::string protocol = "tcp";  // or "udp", "sctp"
    std::string host_address = {}; // empty: all
};

struct Bandwidth { // bits a second, and bits
    std::uint64_t ingress_rate = 0, ingress_burst = 0;
    std::uint64_t egress_rate = 0, egress_burst = 0;
};

struct Dns {
    std::vector<std::string> servers = {}, searches = {}, options = {};
};

struct Wishes {
    std::vector<PortMapping> ports = {};
    std::optional<Bandwidth> bandwidth = {};
    std::optional<Dns> dns = {};
    // One address is taken of each set.
    std::vector<std::vector<network::Subnet>> ranges = {};
};

struct Attachment {
    std::string container;
    std::filesystem::path network_namespace; // empty: gone already
    std::string interface = "eth0";
    std::vector<std::pair<std::string, std::string>> arguments = {}; // CNI_ARGS
    Wishes wishes = {};
};

// EINVAL for names that are none and arguments that would become others.
Status check_attachment(const Attachment &attachment);

// "A=1;B=2"
std::string arguments_text(const Attachment &attachment);

// All wishes as the object "runtimeConfig" has them.
std::string wishes_json(const Wishes &wishes);

// What the plugin reads: its object with the network's name and version, of the wishes those whose capability it has,
// and the result before it, when there is one. `wishes`: as wishes_json() gives them.
std::string plugin_input(const Configuration &configuration, const Plugin &plugin, std::string_view wishes,
                         std::string_view result_before);

// What ADD gave the container.
struct Attached {
    std::string json;                        // the last plugin's result
    std::vector<network::Address> addresses; // inside of the container, the first one first
    Dns dns;
};

// EBADMSG for what is no result; messages start with `who`.
Result<Attached> parse_attached(std::string_view json, const std::string &who);

} // namespace ballast::cni
