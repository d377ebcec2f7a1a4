// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/vm/machine_options.h"

// What ballast-vm was asked for on the command line.
namespace ballast::vm {

struct Arguments {
    enum class Verb { kRun, kBoot } verb = Verb::kRun;
    MachineOptions machine;
    std::vector<std::string> command; // run: one word is a shell's command line, several are a program's arguments
    bool fresh = false;               // run: boot instead of starting from the snapshot
    bool detach = false;              // boot: leave it running
    std::filesystem::path output;     // "out": scratch files under vm/, logs under vm-logs/
};

// The image under test: $BALLAST_IMAGE, or out/images/ballast-cloud.qcow2.
std::filesystem::path default_image();

// ENOENT with the remedy when there is no such file.
Status check_image(const std::filesystem::path &image);

// The command line that the guest's shell is given.
std::string guest_command(const std::vector<std::string> &words);

// OUTPUT/vm-logs/NAME-XXXXXX, made: no two machines share one, whatever process ids they see.
Result<std::filesystem::path> make_log_directory(const std::filesystem::path &output, const std::string &name);

// One error on stderr, its lines as they are: the end of a serial log is among them.
void report(const Error &error);

// Each returns the program's exit status.
int run_command(const Arguments &arguments);
int boot_command(const Arguments &arguments);

} // namespace ballast::vm
