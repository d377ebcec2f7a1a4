// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include "runtime/log/line.h"

namespace ballast::container_log {

// What all messages of a container have in common.
struct SyslogStyle {
    enum class Format : std::uint8_t { kUnix, kRfc3164, kRfc5424, kRfc5424Micro };
    Format format = Format::kUnix;
    int facility = 3;
    std::string host = {};
    std::string tag = {};
    pid_t pid = 0;
};

// One message with a line end, as docker's driver writes it: RFC 3164, the same without a host name (for /dev/log), or
// RFC 5424 with seconds or microseconds.
std::string syslog_message(const SyslogStyle &style, const Line &line);

} // namespace ballast::container_log
