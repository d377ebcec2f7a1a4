// SPDX-License-Identifier: Apache-2.0
#include "updater/health/network_facts.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <filesystem>
#include <ifaddrs.h>
#include <map>
#include <memory>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <ranges>
#include <sstream>

#include "base/file_io.h"

namespace ballast::updater::health {
namespace {

constexpr unsigned kIpv6Reject = 0x200; // RTF_REJECT: "unreachable default", which the kernel always has

std::vector<std::vector<std::string>> rows_of(std::string_view table) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines{std::string(table)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::vector<std::string> row;
        for (std::string word; words >> word;) {
            row.push_back(std::move(word));
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

unsigned long hexadecimal_number(const std::string &text) {
    unsigned long number = 0; // what is no number is no flag
    (void)std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return number;
}

bool is_zero(const std::string &text) { return text.find_first_not_of('0') == std::string::npos; }

// Addresses that reach further than the link.
void enter_address(const sockaddr *address, Interface &interface) {
    if (address->sa_family == AF_INET) {
        const in_addr_t ip = ntohl(reinterpret_cast<const sockaddr_in *>(address)->sin_addr.s_addr);
        constexpr in_addr_t kLinkLocal = 0xa9fe0000, kMask = 0xffff0000; // 169.254.0.0/16
        interface.ipv4 = interface.ipv4 || (ip & kMask) != kLinkLocal;
    } else if (address->sa_family == AF_INET6) {
        const in6_addr &ip = reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr;
        interface.ipv6 = interface.ipv6 || !IN6_IS_ADDR_LINKLOCAL(&ip);
    }
}

Result<std::map<std::string, Interface>> interfaces_with_addresses() {
    ifaddrs *raw = nullptr;
    if (::getifaddrs(&raw) != 0) {
        return fail_errno("list the network's addresses");
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, ::freeifaddrs);
    std::map<std::string, Interface> interfaces;
    for (const ifaddrs *entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if ((entry->ifa_flags & static_cast<unsigned>(IFF_LOOPBACK)) != 0) {
            continue;
        }
        Interface &interface = interfaces[entry->ifa_name];
        interface.name = entry->ifa_name;
        if (entry->ifa_addr != nullptr) {
            enter_address(entry->ifa_addr, interface);
        }
    }
    return interfaces;
}

bool is_hardware(const std::string &name) {
    std::error_code none;
    return std::filesystem::exists("/sys/class/net/" + name + "/device", none);
}

} // namespace

// Interface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
std::vector<std::string> ipv4_default_routes(std::string_view table) {
    std::vector<std::string> names;
    for (const auto &row : rows_of(table) | std::views::drop(1)) {
        if (row.size() > 7 && is_zero(row[1]) && is_zero(row[7]) && (hexadecimal_number(row[3]) & RTF_UP) != 0 &&
            (hexadecimal_number(row[3]) & RTF_REJECT) == 0) {
            names.push_back(row[0]);
        }
    }
    return names;
}

// Destination Length Source Length NextHop Metric RefCnt Use Flags Interface
std::vector<std::string> ipv6_default_routes(std::string_view table) {
    std::vector<std::string> names;
    for (const auto &row : rows_of(table)) {
        if (row.size() > 9 && is_zero(row[0]) && is_zero(row[1]) && (hexadecimal_number(row[8]) & RTF_UP) != 0 &&
            (hexadecimal_number(row[8]) & kIpv6Reject) == 0) {
            names.push_back(row[9]);
        }
    }
    return names;
}

Result<std::vector<Interface>> network_interfaces() {
    std::map<std::string, Interface> interfaces = TRY(interfaces_with_addresses());
    for (const std::string &name : ipv4_default_routes(TRY(read_file("/proc/net/route")))) {
        interfaces[name].ipv4_default = true;
    }
    // Missing where IPv6 is switched off.
    for (const std::string &name : ipv6_default_routes(read_file("/proc/net/ipv6_route").value_or(""))) {
        interfaces[name].ipv6_default = true;
    }
    std::vector<Interface> own;
    for (auto &[name, interface] : interfaces) {
        interface.name = name;
        if (interface.ipv4_default || interface.ipv6_default || is_hardware(name)) {
            own.push_back(interface);
        }
    }
    return own;
}

} // namespace ballast::updater::health
