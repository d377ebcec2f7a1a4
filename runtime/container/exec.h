// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/container/settings.h"

namespace ballast::container {

struct ExecOptions : StartOptions {
    std::filesystem::path process; // --process FILE: the whole of it; otherwise the container's own, with:
    std::vector<std::string> args;
    std::optional<std::string> cwd, user; // UID[:GID]
    std::vector<std::string> env;         // added
    std::vector<std::string> capabilities;
    std::vector<std::uint32_t> additional_gids;
    std::optional<std::string> apparmor, selinux_label;
    std::string cgroup; // a sub-cgroup of the container's; empty: its own
    bool terminal = false;
    bool no_new_privileges = false;
    bool ignore_paused = false;
};

// A further process in a container that runs. Detached it returns 0 once the program runs; otherwise as run().
Result<int> exec(const Settings &settings, const ExecOptions &options);

} // namespace ballast::container
