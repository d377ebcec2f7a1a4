// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "tests/integration/boot/boot_disk.h"
#include "tests/integration/boot/grub_machine.h"

// A machine with deployments but no kernels: the menu is the generator's, the logic is the fixed grub.cfg's, and where
// the menu would load a kernel it says what it would have loaded and restarts.
namespace ballast::boot_test {

struct Deployment {
    char name;                       // its checksum is this hexadecimal digit 64 times
    std::string arguments = "quiet"; // kernel arguments
    bool has_kernel = true;
};

class Scenario {
  public:
    // Throws on any failure, so that a test cannot go on with half a machine.
    explicit Scenario(Firmware firmware = Firmware::kBios);

    // Newest first; the environment block stays as it is (a fresh one at first). All share one kernel, as updates of
    // userspace do.
    void deploy(const std::vector<Deployment> &deployments);

    // What the power-on started: the name of a deployment. '?' when it was none.
    char boot();
    // As boot(), with these keys in the menu.
    char boot_choosing(const std::string &keys);

    // The deployment's id as the menu has it.
    std::string id(char name) const;
    // What userspace does after a start that went well.
    void record_good(char name);
    std::optional<std::string> variable(const std::string &name);

    BootDisk &disk() { return disk_; }
    MachineOptions &machine() { return machine_; }
    // Where the boot file system is made up; changes reach the disk with install().
    std::filesystem::path tree() const { return scratch_.path() / "sysroot/boot"; }
    void install();
    // All that the last start wrote to the serial line.
    const std::string &console() const { return console_; }

  private:
    char started() const;

    TemporaryDirectory scratch_;
    BootDisk disk_;
    MachineOptions machine_;
    std::vector<std::pair<char, std::string>> ids_;
    std::string console_;
};

} // namespace ballast::boot_test
