// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

// Where an engine is that is to be troubled, and how much.
namespace ballast::chaos {

struct Place {
    std::filesystem::path socket;
    std::filesystem::path programs; // directory of ballastd, ballast-monitor and ballast-oci, as /proc/PID/exe names it
    std::filesystem::path out;      // host's side of the workers' /out
    std::filesystem::path data_root; // the engine's
    std::filesystem::path run_root;
    bool scopes = false; // containers are in systemd's scopes
};

struct Effort {
    int containers = 50;
    int threads = 10;
    int seconds = 60;
    int images = 6;
    unsigned seed = 1;
};

inline constexpr const char *kImage = "chaos-worker";
inline constexpr const char *kNetwork = "chaos-net"; // beside the default one

} // namespace ballast::chaos
