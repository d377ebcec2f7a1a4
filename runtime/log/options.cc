// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "base/unix_address.h"

namespace ballast::container_log {
namespace {

using Check = Status (*)(const Pairs &);

Status check_rotation(const Pairs &options);
Status check_syslog(const Pairs &options);
Status check_nothing(const Pairs &) { return {}; }

constexpr std::array<std::string_view, 8> kJsonFile = {"max-file", "max-size",     "compress",  "labels",
                                                       "env",      "labels-regex", "env-regex", "tag"};
constexpr std::array<std::string_view, 3> kLocal = {"max-file", "max-size", "compress"};
constexpr std::array<std::string_view, 5> kJournald = {"labels", "labels-regex", "env", "env-regex", "tag"};
constexpr std::array<std::string_view, 12> kSyslog = {
    "env", "env-regex",          "labels",          "labels-regex",   "syslog-address",         "syslog-facility",
    "tag", "syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key", "syslog-tls-skip-verify", "syslog-format"};

struct Driver {
    std::string_view name;
    std::span<const std::string_view> options;
    std::string_view unknown; // what stands behind "unknown log opt 'x' for "
    Check check;
};

constexpr std::array<Driver, 6> kDrivers{{
    {"json-file", kJsonFile, "json-file log driver", check_rotation},
    {"local", kLocal, "log driver local", check_rotation},
    {"journald", kJournald, "journald log driver", check_nothing},
    {"syslog", kSyslog, "syslog log driver", check_syslog},
    {"cri", {}, "cri log driver", check_nothing},
    {"none", {}, "", check_nothing},
}};

Result<bool> truth(std::string_view text) {
    constexpr std::array<std::string_view, 6> yes = {"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::array<std::string_view, 6> no = {"0", "f", "F", "false", "FALSE", "False"};
    if (std::ranges::contains(yes, text)) {
        return true;
    }
    if (std::ranges::contains(no, text)) {
        return false;
    }
    return fail(EINVAL, "strconv.ParseBool: parsing \"" + std::string(text) + "\": invalid syntax");
}

// max-size, max-file and compress of both drivers that rotate.
Status check_rotation(const Pairs &options) {
    if (const std::string *size = option(options, "max-size"); size != nullptr && *size != "-1") {
        if (TRY(human_size(*size)) == 0) {
            return fail(EINVAL, "max-size must be a positive number");
        }
    }
    if (const std::string *files = option(options, "max-file")) {
        int count = 0;
        const auto [end, code] = std::from_chars(files->data(), files->data() + files->size(), count);
        if (code != std::errc() || end != files->data() + files->size()) {
            return fail(EINVAL, "strconv.Atoi: parsing \"" + *files + "\": invalid syntax");
        }
        if (count < 1) {
            return fail(EINVAL, "max-file cannot be less than 1");
        }
        if (count > 1000) {
            return fail(EINVAL, "max-file cannot be more than 1000");
        }
    }
    if (const std::string *compress = option(options, "compress"); compress != nullptr && TRY(truth(*compress))) {
        return fail(EINVAL, "compress: rotated log files are not compressed here; leave it out or say false");
    }
    return {};
}

Status check_syslog(const Pairs &options) {
    if (const std::string *address = option(options, "syslog-address")) {
        TRY(parse_syslog_address(*address));
    }
    if (const std::string *facility = option(options, "syslog-facility")) {
        TRY(syslog_facility(*facility));
    }
    if (const std::string *format = option(options, "syslog-format")) {
        constexpr std::array<std::string_view, 4> formats = {"", "rfc3164", "rfc5424", "rfc5424micro"};
        if (!std::ranges::contains(formats, std::string_view(*format))) {
            return fail(EINVAL, "Invalid syslog format");
        }
    }
    for (const auto &[name, value] : options) {
        if (name.starts_with("syslog-tls-")) {
            return fail(EINVAL, name + ": the syslog log driver speaks no TLS here; a relay on this machine can");
        }
    }
    return {};
}

// Options that every driver has. Both modes are the same here: a monitor never makes the container wait for ever.
Result<bool> check_common(const std::string &name, const std::string &value, const Pairs &options) {
    if (name == "mode") {
        if (value != "blocking" && value != "non-blocking" && !value.empty()) {
            return fail(EINVAL, "logger: logging mode not supported: " + value);
        }
        return true;
    }
    if (name == "max-buffer-size") {
        const std::string *mode = option(options, "mode");
        if (mode == nullptr || *mode != "non-blocking") {
            return fail(EINVAL, "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
        }
        TRY(human_size(value).within("error parsing option max-buffer-size"));
        return true;
    }
    return false;
}

} // namespace

const std::string *option(const Pairs &options, std::string_view name) {
    const auto found = std::ranges::find(options, name, [](const auto &pair) { return std::string_view(pair.first); });
    return found == options.end() ? nullptr : &found->second;
}

Status check_log_options(std::string_view driver, const Pairs &options) {
    const auto known = std::ranges::find(kDrivers, driver, &Driver::name);
    if (known == kDrivers.end()) {
        return fail(EINVAL, "logger: no log driver named '" + std::string(driver) + "' is registered");
    }
    if (driver == "none") {
        return {}; // docker asks it nothing
    }
    for (const auto &[name, value] : options) {
        if (!TRY(check_common(name, value, options)) &&
            !std::ranges::contains(known->options, std::string_view(name))) {
            return fail(EINVAL, "unknown log opt '" + name + "' for " + std::string(known->unknown));
        }
    }
    return known->check(options);
}

Result<std::uint64_t> human_size(std::string_view text) {
    // By hand: the library's way to read a fraction is a tenth of the monitor.
    const auto invalid = [&text] { return fail(EINVAL, "invalid size: '" + std::string(text) + "'"); };
    double number = 0;
    double place = 0; // of the next digit behind the point
    std::size_t digits = 0;
    std::string_view unit = text;
    for (; !unit.empty() && ((unit[0] >= '0' && unit[0] <= '9') || (unit[0] == '.' && place == 0));
         unit.remove_prefix(1)) {
        if (unit[0] == '.') {
            place = 0.1;
            continue;
        }
        const int digit = unit[0] - '0';
        number = place == 0 ? number * 10 + digit : number + digit * place;
        place /= 10;
        ++digits;
    }
    if (digits == 0 || digits > 18) {
        return invalid();
    }
    if (unit.starts_with(' ')) {
        unit.remove_prefix(1);
    }
    if (!unit.empty() && (unit.back() == 'b' || unit.back() == 'B')) {
        unit.remove_suffix(1);
        if (unit.ends_with('i')) { // KiB is KB there
            unit.remove_suffix(1);
        }
    }
    constexpr std::string_view units = "kmgtp";
    if (unit.size() > 1 || (unit.size() == 1 && !units.contains(static_cast<char>(unit[0] | 0x20)))) {
        return invalid();
    }
    if (!unit.empty()) {
        for (std::size_t i = 0; i <= units.find(static_cast<char>(unit[0] | 0x20)); ++i) {
            number *= 1000;
        }
    }
    if (number > 9e18) {
        return invalid();
    }
    return static_cast<std::uint64_t>(number + 0.5);
}

Result<SyslogAddress> parse_syslog_address(std::string_view text) {
    SyslogAddress address;
    if (text.empty()) {
        return address;
    }
    using Kind = SyslogAddress::Kind;
    constexpr std::array<std::pair<std::string_view, Kind>, 4> schemes{
        {{"unix", Kind::kUnixStream}, {"unixgram", Kind::kUnixDatagram}, {"udp", Kind::kUdp}, {"tcp", Kind::kTcp}}};
    const std::size_t colon = text.find("://");
    const std::string_view scheme = colon == std::string_view::npos ? "" : text.substr(0, colon);
    if (scheme == "tcp+tls") {
        return fail(EINVAL, "syslog-address: tcp+tls is not supported; use tcp or udp, or a relay on this machine");
    }
    const auto found = std::ranges::find(schemes, scheme, &std::pair<std::string_view, Kind>::first);
    if (found == schemes.end()) {
        return fail(EINVAL, "syslog-address should be in form proto://address, got " + std::string(text));
    }
    address.kind = found->second;
    const std::string_view rest = text.substr(colon + 3);
    if (address.kind == Kind::kUnixStream || address.kind == Kind::kUnixDatagram) {
        if (!rest.starts_with('/') || rest.contains('\0')) {
            return fail(EINVAL, "syslog-address: " + std::string(rest) + " is no path of a socket");
        }
        if (!unix_address(rest)) {
            return fail(EINVAL,
                        "syslog-address: " + std::string(rest) + " is too long: a socket's path has at most 107 bytes");
        }
        address.path = rest;
        return address;
    }
    const bool brackets = rest.starts_with('[') && rest.contains(']');
    const std::size_t host_end = brackets ? rest.find(']') + 1 : std::min(rest.find(':'), rest.size());
    address.host = brackets ? rest.substr(1, host_end - 2) : rest.substr(0, host_end);
    const std::string_view port = rest.substr(host_end);
    address.port = port.size() > 1 ? port.substr(1) : "514";
    unsigned number = 0;
    const auto [end, code] = std::from_chars(address.port.data(), address.port.data() + address.port.size(), number);
    if (address.host.empty() || (!port.empty() && port[0] != ':') || code != std::errc() || number == 0 ||
        number > 65535 || end != address.port.data() + address.port.size()) {
        return fail(EINVAL, "syslog-address: " + std::string(rest) + " is no host with a port");
    }
    return address;
}

Result<int> syslog_facility(std::string_view name) {
    constexpr std::array<std::string_view, 20> names = {
        "kern",     "user", "mail",   "daemon", "auth",   "syslog", "lpr",    "news",   "uucp",   "cron",
        "authpriv", "ftp",  "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
    if (name.empty()) {
        return 3;
    }
    const auto found = std::ranges::find(names, name);
    if (found != names.end()) {
        const int place = static_cast<int>(found - names.begin());
        return place < 12 ? place : place + 4; // 12 to 15 have no names there
    }
    int number = -1;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (code != std::errc() || end != name.data() + name.size() || number < 0 || number > 23) {
        return fail(EINVAL, "invalid syslog facility");
    }
    return number;
}

} // namespace ballast::container_log
