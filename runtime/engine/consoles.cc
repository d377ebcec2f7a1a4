// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/consoles.h"

#include <cstdlib>
#include <functional>
#include <string>
#include <unistd.h>

namespace ballast::engine {
namespace {

namespace fs = std::filesystem;

pid_t monitor_of(const fs::path &console) { return std::atoi(console.filename().c_str()); } // up to the point

bool lives(pid_t monitor) {
    std::error_code error; // one that is dead has no program any more
    const fs::path program = fs::read_symlink("/proc/" + std::to_string(monitor) + "/exe", error);
    return program.filename().string().starts_with("ballast-monitor"); // or it is "(deleted)"
}

void remove_if(const fs::path &directory, const std::function<bool(const fs::path &)> &is_unused) {
    std::error_code error; // tried again when the daemon starts
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        if (is_console(entry->path()) && is_unused(entry->path())) {
            (void)unlink(entry->path().c_str());
        }
    }
}

} // namespace

bool is_console(const fs::path &file) { return file.extension() == ".tty"; }

void remove_consoles(const fs::path &directory, pid_t monitor) {
    remove_if(directory, [monitor](const fs::path &console) { return monitor_of(console) == monitor; });
}

void remove_unused_consoles(const fs::path &directory) {
    remove_if(directory, [](const fs::path &console) { return !lives(monitor_of(console)); });
}

} // namespace ballast::engine
