// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

// One line per event, from the edge of a program only (main, request handlers, drivers of a sequence).
// On a terminal or pipe: the message on stderr, behind "error: ", "warning: " or "debug: ".
// Control characters are escaped there and further lines of a message are indented, so that it can neither steer a
// terminal nor pose as another message.
// Under systemd (stderr is the journal, by JOURNAL_STREAM): a structured entry with the given fields.
namespace ballast::log {

enum class Level { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };
using Field = std::pair<std::string_view, std::string_view>; // {"STAGE", "packages"}

void set_level(Level most_verbose); // default kInfo
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kError, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kWarning, message, fields);
}
inline void notice(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kNotice, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kInfo, message, fields);
}
inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kDebug, message, fields);
}

} // namespace ballast::log
