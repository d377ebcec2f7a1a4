// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "runtime/isolate/cgroup.h"

// What the command line says, checked.
namespace ballast::container {

struct Settings {
    std::filesystem::path root = "/run/ballast-oci"; // of an unprivileged caller: $XDG_RUNTIME_DIR/ballast-oci
    isolate::CgroupManager cgroup_manager = isolate::CgroupManager::kCgroupfs;
    bool rootless = false;
    // What is passed over, for the log: settings that this kernel or cgroup v2 has no place for.
    std::function<void(const std::string &)> warn = [](const std::string &) {};
};

// What a further or first process is started with.
struct StartOptions {
    std::string id;
    std::filesystem::path pid_file;       // gets the pid in the caller's namespace
    std::filesystem::path console_socket; // gets the terminal's master side
    unsigned preserve_fds = 0;            // descriptors 3 and up that stay open
    bool detach = false;
    bool new_keyring = true;
};

struct CreateOptions : StartOptions {
    std::filesystem::path bundle = ".";
    std::filesystem::path config; // empty: config.json of the bundle
    bool pivot = true;
    bool keep = false; // `run` does not delete
};

} // namespace ballast::container
