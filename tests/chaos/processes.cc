// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/processes.h"

#include <charconv>
#include <sstream>

#include "base/file_io.h"

namespace ballast::chaos {
namespace {

namespace fs = std::filesystem;

Process look_at(pid_t pid) {
    const fs::path place = "/proc/" + std::to_string(pid);
    Process process{.pid = pid};
    const std::string stat = read_file(place / "stat").value_or("");
    if (const std::size_t name = stat.rfind(')'); name != std::string::npos) {
        std::istringstream rest(stat.substr(name + 1));
        rest >> process.state >> process.parent;
    }
    std::error_code error;
    process.program = fs::read_symlink(place / "exe", error);
    std::string words = read_file(place / "cmdline").value_or("");
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find('\0', at), words.size());
        process.words.push_back(words.substr(at, end - at));
        at = end + 1;
    }
    return process;
}

} // namespace

std::vector<Process> all_processes() {
    std::vector<Process> all;
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr == name.data() + name.size()) {
            all.push_back(look_at(pid));
        }
    }
    return all;
}

std::vector<Process> running(const std::vector<Process> &all, const std::string &name, const fs::path &directory) {
    std::vector<Process> found;
    for (const Process &process : all) {
        const fs::path program = process.program;
        if (program.filename() == name && process.program.starts_with(directory.string())) {
            found.push_back(process);
        }
    }
    return found;
}

} // namespace ballast::chaos
