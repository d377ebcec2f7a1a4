// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

// What the kernel says about processes, from /proc.
namespace ballast::chaos {

struct Process {
    pid_t pid = 0;
    pid_t parent = 0;
    char state = '?';                    // proc_pid_stat(5)
    std::string program = {};            // of /proc/PID/exe; empty for one that has ended
    std::vector<std::string> words = {}; // its command line
};

std::vector<Process> all_processes();
// Those whose program has this file name, below `directory` when one is given.
std::vector<Process> running(const std::vector<Process> &all, const std::string &name,
                             const std::filesystem::path &directory);

} // namespace ballast::chaos
