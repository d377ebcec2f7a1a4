// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/vm/machine.h"

// The test image, started from its snapshot, with the OCI runtime of this build over the image's own.
namespace ballast::peers {

inline constexpr const char *kOurs = "/usr/lib/ballast/ballast-oci";
inline constexpr const char *kCrun = "/usr/bin/crun";
inline constexpr const char *kRunc = "/usr/sbin/runc";
inline constexpr const char *kHostOfGuests = "10.0.2.2"; // who runs the machine, in QEMU's network

// Ends the test as skipped when there is no test image. `ports`: of the guest's, for Machine::port().
vm::Machine peer_machine(std::vector<std::uint16_t> ports = {});

// Runs a shell's command line and gives stdout; another status than 0 fails the test with both streams.
std::string run(vm::Machine &machine, const std::string &command);

// Image layouts in `out`. `words`: names of images of tests/images, or another description (--images FILE).
void build_images(const std::filesystem::path &out, const std::vector<std::string> &words);

// The directory NAME of $BALLAST_PEERS; ends the test as skipped, in one line, when it is not there.
std::filesystem::path given_peer(const std::string &name);
// A program in it; the same.
std::filesystem::path peer_program(const std::string &directory, const std::string &name);

} // namespace ballast::peers
