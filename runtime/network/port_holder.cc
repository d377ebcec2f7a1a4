// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/port_holder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::network {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kTimeWait = 6; // TCP_TIME_WAIT

// proc_net_tcp: "sl: local_address:port rem_address:port st …:… …:… … uid timeout inode". The inode of the first socket
// on the port that is more than the rest of a connection.
std::optional<std::string> inode_in(const char *file, std::uint16_t port) {
    std::istringstream lines(read_file(file).value_or(""));
    std::string line;
    std::getline(lines, line); // names of columns
    while (std::getline(lines, line)) {
        std::array<std::string, 10> columns;
        std::istringstream words(line);
        for (std::string &column : columns) {
            words >> column;
        }
        const std::size_t colon = columns[1].find(':');
        if (!words || colon == std::string::npos) {
            continue;
        }
        const unsigned long number = std::strtoul(columns[1].c_str() + colon + 1, nullptr, 16);
        const unsigned long remote = std::strtoul(columns[2].c_str() + columns[2].find(':') + 1, nullptr, 16);
        // A connection that somebody accepted has a remote port; its listener is another line.
        if (number == port && remote == 0 && std::strtoul(columns[3].c_str(), nullptr, 16) != kTimeWait) {
            return columns[9];
        }
    }
    return std::nullopt;
}

bool is_number(const std::string &text) {
    return std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::optional<std::string> process_with(const std::string &inode) {
    const std::string wanted = "socket:[" + inode + "]";
    std::error_code error;
    for (const fs::directory_entry &process : fs::directory_iterator("/proc", error)) {
        const std::string pid = process.path().filename();
        if (!is_number(pid)) {
            continue;
        }
        std::error_code gone; // it may end while it is looked at
        for (fs::directory_iterator fd(process.path() / "fd", gone), end; !gone && fd != end; fd.increment(gone)) {
            std::error_code closed;
            if (fs::read_symlink(fd->path(), closed) == wanted) {
                std::string name = read_file(process.path() / "comm", 64).value_or("?");
                name.resize(std::min(name.find('\n'), name.size()));
                return escaped(name) + " (process " + pid + ")";
            }
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> find_port_holder(Protocol protocol, const Address &address, std::uint16_t port) {
    if (protocol == Protocol::kSctp) {
        return "another program"; // the kernel lists those elsewhere, where it has the protocol at all
    }
    const bool tcp = protocol == Protocol::kTcp;
    // A socket of IPv6 has the port of IPv4 as well, unless it says otherwise.
    for (const bool v6 : {address.family == Family::kV6, address.family != Family::kV6}) {
        const char *file = tcp ? (v6 ? "/proc/net/tcp6" : "/proc/net/tcp") : (v6 ? "/proc/net/udp6" : "/proc/net/udp");
        if (const std::optional<std::string> inode = inode_in(file, port)) {
            return process_with(*inode).value_or("another program");
        }
    }
    return std::nullopt;
}

} // namespace ballast::network
