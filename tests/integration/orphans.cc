// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/orphans.h"

#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/file_io.h"

namespace ballast::testing {
namespace {

// proc_pid_stat(5)
std::vector<pid_t> orphans() {
    std::vector<pid_t> found;
    std::error_code error; // what cannot be read is not there
    for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        const std::string text = read_file(entry->path() / "stat").value_or("");
        const std::size_t place = text.rfind(')');
        if (name.find_first_not_of("0123456789") != std::string::npos || place == std::string::npos) {
            continue;
        }
        std::istringstream rest(text.substr(place + 1));
        char state = '?';
        pid_t parent = 0, group = 0, session = 0;
        rest >> state >> parent >> group >> session;
        if (parent == getpid() && session != getsid(0)) {
            found.push_back(std::stoi(name));
        }
    }
    return found;
}

} // namespace

void adopt_orphans() { (void)prctl(PR_SET_CHILD_SUBREAPER, 1); } // cannot fail

void end_orphans() {
    for (std::vector<pid_t> found = orphans(); !found.empty(); found = orphans()) {
        for (const pid_t pid : found) {
            (void)::kill(pid, SIGKILL); // ours and not reaped: the number is good
            (void)waitpid(pid, nullptr, 0);
        }
    }
}

void reap_orphans() {
    for (const pid_t pid : orphans()) {
        (void)waitpid(pid, nullptr, WNOHANG); // most of them live
    }
}

} // namespace ballast::testing
