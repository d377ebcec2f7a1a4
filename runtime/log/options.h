// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/log/settings.h"

// The options of log drivers, with docker's names, values and messages. Other than docker's: `compress` may only be
// false (rotated files stay readable as they are), and syslog has no tcp+tls.
namespace ballast::container_log {

// EINVAL: "unknown log opt 'x' for json-file log driver", "logger: no log driver named 'x' is registered", …
Status check_log_options(std::string_view driver, const Pairs &options);

// The value of an option; nullptr when it is not given.
const std::string *option(const Pairs &options, std::string_view name);

// "10m" → 10'000'000: docker reads max-size in powers of 1000.
Result<std::uint64_t> human_size(std::string_view text);

// syslog-address, taken apart.
struct SyslogAddress {
    enum class Kind : std::uint8_t { kLocal, kUnixStream, kUnixDatagram, kUdp, kTcp };
    Kind kind = Kind::kLocal; // kLocal: /dev/log, whatever kind of socket it is
    std::string path;         // unix, unixgram
    std::string host, port;   // udp, tcp
};
Result<SyslogAddress> parse_syslog_address(std::string_view text);
// Its number (0 to 23); "daemon" is the default.
Result<int> syslog_facility(std::string_view name);

} // namespace ballast::container_log
