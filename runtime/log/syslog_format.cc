// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/syslog_format.h"

#include <array>
#include <ctime>

#include "base/timestamp.h"

namespace ballast::container_log {
namespace {

constexpr int kError = 3;
constexpr int kInfo = 6;

// "Jan  2 15:04:05", in the machine's own zone as RFC 3164 wants it.
std::string old_time(std::int64_t time_ns) {
    constexpr std::array<const char *, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = time_ns / 1'000'000'000;
    std::tm local{};
    (void)localtime_r(&seconds, &local); // fails beyond the year 2^31 alone
    const auto two = [](int number, char pad) {
        return std::string{number < 10 ? pad : static_cast<char>('0' + number / 10),
                           static_cast<char>('0' + number % 10)};
    };
    return std::string(months[static_cast<std::size_t>(local.tm_mon)]) + " " + two(local.tm_mday, ' ') + " " +
           two(local.tm_hour, '0') + ":" + two(local.tm_min, '0') + ":" + two(local.tm_sec, '0');
}

} // namespace

std::string syslog_message(const SyslogStyle &style, const Line &line) {
    using Format = SyslogStyle::Format;
    const int priority = style.facility * 8 + (line.stream == Stream::kStderr ? kError : kInfo);
    std::string text = "<" + std::to_string(priority) + ">";
    const std::string pid = std::to_string(style.pid);
    if (style.format == Format::kUnix || style.format == Format::kRfc3164) {
        text += old_time(line.time_ns) + " " + (style.format == Format::kRfc3164 ? style.host + " " : "") + style.tag +
                "[" + pid + "]: ";
    } else {
        text += "1 ";
        append_timestamp(text, line.time_ns, style.format == Format::kRfc5424 ? Fraction::kNone : Fraction::kMicro);
        text += " " + style.host + " " + style.tag + " " + pid + " " + style.tag + " - ";
    }
    text += line.text;
    return text + "\n";
}

} // namespace ballast::container_log
