// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>
#include <sys/types.h>

// Sockets that terminals arrive at while a monitor starts something, beside its own: "PID.SESSION.tty", by the
// monitor's pid. One that is killed leaves them.
namespace ballast::engine {

void remove_consoles(const std::filesystem::path &directory, pid_t monitor);
// Those of all monitors that do not live any more.
void remove_unused_consoles(const std::filesystem::path &directory);
bool is_console(const std::filesystem::path &file);

} // namespace ballast::engine
