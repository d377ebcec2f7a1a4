// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/machine.h"

#include <arpa/inet.h>
#include <array>
#include <fcntl.h>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <sstream>
#include <unistd.h>

#include "base/file_io.h"
#include "base/lines.h"

namespace ballast::agent {
namespace {

// The interface of the default route, proc_net(5); empty: there is none.
std::string default_interface() {
    const Result<Fd> file = open_file("/proc/net/route", O_RDONLY);
    const std::string text = file.has_value() ? read_all(*file, "/proc/net/route").value_or("") : "";
    for (const std::string &line : lines_of(text)) {
        std::istringstream stream(line);
        std::string interface, destination;
        if (stream >> interface >> destination && destination == "00000000") {
            return interface;
        }
    }
    return "";
}

std::string text_of(const sockaddr &address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void *bytes = address.sa_family == AF_INET
                            ? static_cast<const void *>(&reinterpret_cast<const sockaddr_in &>(address).sin_addr)
                            : &reinterpret_cast<const sockaddr_in6 &>(address).sin6_addr;
    return ::inet_ntop(address.sa_family, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
}

// How well it stands for the machine; 0: not at all.
int rank_of(const ifaddrs &entry, const std::string &interface) {
    if (entry.ifa_addr == nullptr || (entry.ifa_flags & IFF_LOOPBACK) != 0 || (entry.ifa_flags & IFF_UP) == 0) {
        return 0;
    }
    const bool is_v4 = entry.ifa_addr->sa_family == AF_INET;
    const bool is_v6 = entry.ifa_addr->sa_family == AF_INET6 &&
                       !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6 *>(entry.ifa_addr)->sin6_addr);
    return !is_v4 && !is_v6 ? 0 : 1 + (is_v4 ? 1 : 0) + (interface == entry.ifa_name ? 2 : 0);
}

} // namespace

std::string address_of_machine() {
    ifaddrs *list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return "";
    }
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs *)> owned(list, ::freeifaddrs);
    const std::string interface = default_interface();
    const ifaddrs *best = nullptr;
    for (const ifaddrs *entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (rank_of(*entry, interface) > (best == nullptr ? 0 : rank_of(*best, interface))) {
            best = entry;
        }
    }
    return best == nullptr ? "" : text_of(*best->ifa_addr);
}

} // namespace ballast::agent
