// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

// resolv.conf(5). Pure.
namespace ballast::dns {

struct ResolvConf {
    std::vector<std::string> servers = {}; // addresses as they were written
    std::vector<std::string> search = {}, options = {};
};

// As the C library reads it: of several search or domain lines the last one counts, what it does not know is skipped.
// Servers that are no addresses are skipped, too.
ResolvConf parse_resolv_conf(std::string_view text);
std::string write_resolv_conf(const ResolvConf &conf);

bool is_loopback_server(std::string_view server); // 127.0.0.0/8, ::1

} // namespace ballast::dns
