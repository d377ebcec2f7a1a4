// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

// Where a benchmark works and how often it measures.
namespace ballast::bench {

struct Settings {
    int rounds = 0; // samples of what is timed; 0: as many as the benchmark thinks right
    int rounds_or(int usual) const { return rounds > 0 ? rounds : usual; }
    std::vector<std::string> parts = {}; // of all but `image` and `oci`; none: all
    int pods = 0; // of `cri` and `node`, started together; 0: as many as the benchmark thinks right
    std::filesystem::path output = "out"; // with images/ and repo/; the results go to bench/
    std::filesystem::path cache = "/var/cache/ballast";
    std::filesystem::path peer_file = "tests/bench/peer.yaml";
    std::filesystem::path oci = "build/release/install/usr/lib/ballast/ballast-oci"; // as it is shipped
    std::string mirror = {}; // BALLAST_DEBIAN_MIRROR; empty: the build root's

    std::filesystem::path results() const { return output / "bench"; }
    std::filesystem::path logs() const { return results() / "logs"; }
    std::filesystem::path kept() const { return cache / "bench"; } // what serves a later run, too
};

} // namespace ballast::bench
