// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/attributes.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <netdb.h>
#include <regex.h>
#include <sys/socket.h>

#include "base/quote.h"
#include "runtime/log/options.h"

namespace ballast::container_log {
namespace {

void take_named(const std::string *names, const Pairs &from, std::map<std::string, std::string> &chosen) {
    for (std::string_view rest = names != nullptr ? *names : std::string_view(); !rest.empty();) {
        const std::string_view name = rest.substr(0, rest.find(','));
        if (const std::string *value = option(from, name)) {
            chosen.insert_or_assign(std::string(name), *value);
        }
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
}

Status take_matching(const std::string *pattern, const Pairs &from, std::map<std::string, std::string> &chosen) {
    if (pattern == nullptr || pattern->empty()) {
        return {};
    }
    regex_t compiled{};
    if (regcomp(&compiled, pattern->c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
        return fail(EINVAL, "log options: " + quote(*pattern) + " is no regular expression");
    }
    const std::unique_ptr<regex_t, decltype(&regfree)> owner(&compiled, &regfree);
    for (const auto &[name, value] : from) {
        if (regexec(&compiled, name.c_str(), 0, nullptr, 0) == 0) {
            chosen.insert_or_assign(name, value);
        }
    }
    return {};
}

} // namespace

Result<Pairs> log_attributes(const Pairs &options, const Pairs &labels, const Pairs &environment) {
    std::map<std::string, std::string> chosen;
    take_named(option(options, "labels"), labels, chosen);
    TRY(take_matching(option(options, "labels-regex"), labels, chosen));
    take_named(option(options, "env"), environment, chosen);
    TRY(take_matching(option(options, "env-regex"), environment, chosen));
    return Pairs(chosen.begin(), chosen.end());
}

Result<Pairs> resolved_options(Pairs options) {
    for (auto &[name, value] : options) {
        if (name != "syslog-address") {
            continue;
        }
        const SyslogAddress address = TRY(parse_syslog_address(value));
        using Kind = SyslogAddress::Kind;
        if (address.kind != Kind::kUdp && address.kind != Kind::kTcp) {
            continue;
        }
        addrinfo hints{};
        hints.ai_socktype = address.kind == Kind::kUdp ? SOCK_DGRAM : SOCK_STREAM;
        addrinfo *found = nullptr;
        if (const int failed = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found); failed != 0) {
            return fail(EHOSTUNREACH, "syslog-address: look up " + quote(address.host) + ": " + gai_strerror(failed));
        }
        const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
        std::array<char, NI_MAXHOST> host{};
        if (getnameinfo(found->ai_addr, found->ai_addrlen, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
            return fail(EHOSTUNREACH, "syslog-address: " + quote(address.host) + " has no number");
        }
        const bool six = found->ai_family == AF_INET6;
        value = (address.kind == Kind::kUdp ? "udp://" : "tcp://") +
                (six ? "[" + std::string(host.data()) + "]" : std::string(host.data())) + ":" + address.port;
    }
    return options;
}

} // namespace ballast::container_log
