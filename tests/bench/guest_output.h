// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/subprocess.h"
#include "tests/vm/machine.h"

namespace ballast::bench {

// What a command prints in the machine, kept in `file` there; its messages are shown meanwhile, for who waits.
inline Result<std::string> output_of(vm::Machine &machine, const Command &command, const std::filesystem::path &file) {
    if (const int status = TRY(machine.run_attached(command.describe() + " >" + file.string())); status != 0) {
        return fail(EIO, command.arguments.front() + " ended with status " + std::to_string(status));
    }
    return machine.run_checked("cat " + file.string());
}

} // namespace ballast::bench
