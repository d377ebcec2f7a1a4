// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/subprocess.h"
#include "tests/vm/machine_options.h"

namespace ballast::vm {

inline constexpr std::chrono::minutes kDefaultCommandTime{10};

// A virtual machine under test. Destroying it kills QEMU and removes what the machine wrote; QEMU also dies with the
// thread that started it. Not for use by several threads at once; any number of machines may run side by side.
// When the guest ends unexpectedly, errors carry the end of its serial log.
class Machine {
  public:
    // Boots and returns once the guest reports that multi-user.target and sshd are up.
    static Result<Machine> boot(MachineOptions options);

    // The same machine in about a second: boots once, saves the running machine under a name made from all that it
    // consists of, and starts from that from then on. All machines from one snapshot share their machine id and ssh
    // host keys. EINVAL for what cannot be saved: NVMe disks, extra disks, cables, a log of writes, writing to the
    // image itself.
    static Result<Machine> from_snapshot(MachineOptions options);

    // QEMU runs and all ports are known, but the guest waits for resume().
    static Result<Machine> start_paused(MachineOptions options);
    Status resume();
    Status wait_until_ready();

    Machine(Machine &&) noexcept;
    Machine &operator=(Machine &&) noexcept;
    ~Machine();

    // Runs a shell's command line as root. A non-zero status is no error here. After `timeout` the wait ends
    // (ETIMEDOUT), the command itself may go on.
    Result<Completed> run(const std::string &command, std::chrono::milliseconds timeout = kDefaultCommandTime);
    // A non-zero status is an error with the last lines of stderr. Returns stdout.
    Result<std::string> run_checked(const std::string &command,
                                    std::chrono::milliseconds timeout = kDefaultCommandTime);
    // Output goes to our own stdout and stderr as it comes. Returns the status.
    Result<int> run_attached(const std::string &command);

    // `to` is the copy's own name. A directory's content is added to what is already there. Files in the guest belong
    // to root; modes are kept.
    Status copy_in(const std::filesystem::path &from, const std::filesystem::path &to);
    Status copy_out(const std::filesystem::path &from, const std::filesystem::path &to);

    // Reboots from inside and returns when the next boot is ready.
    Status reboot();
    // Waits for a boot that is not the one last seen, for tests that cause a reboot by themselves.
    Status wait_for_next_boot();
    // Powers off from inside and waits for the end of QEMU.
    Status shutdown();
    // SIGKILL for QEMU, nothing is flushed.
    Status cut_power();
    // What is on the first disk, as a raw file with holes, after shutdown() or cut_power().
    Status copy_disk(const std::filesystem::path &to) const;
    // Starts again from the same disk after shutdown() or cut_power(), and waits until ready.
    Status power_on();

    // Plugs a disk in (virtio) and waits until the guest sees it; returns its name there,
    // /dev/disk/by-id/virtio-SERIAL. At most kHotplugPorts at a time, network cards among them.
    Result<std::string> attach_disk(const std::filesystem::path &file, const std::string &serial);
    // Asks the guest to let go and waits until it has.
    Status detach_disk(const std::string &serial);
    // Plugs a network card in (virtio) whose cable ends in a TAP device of that name (at most 15 characters), made in
    // the network namespace of the thread that started the machine; it may be moved to another, and goes when the power
    // does. Neither end has an address. Waits until the guest sees the card; returns its interface's name there.
    Result<std::string> attach_card(const std::string &tap);

    // Serves the files below `directory` to the guest until the machine is destroyed. Returns the URL for the guest,
    // without slash at the end.
    Result<std::string> serve(const std::filesystem::path &directory);

    // The host's port (127.0.0.1) for 22 or one of the forwarded ports of the guest.
    Result<std::uint16_t> port(std::uint16_t guest_port) const;
    // How a person logs in, while the power is on.
    std::vector<std::string> login_command() const;
    std::string boot_id() const;
    const std::filesystem::path &serial_log() const;
    const std::filesystem::path &console_socket() const;
    // Readable once QEMU has ended; invalid while the power is off.
    BorrowedFd pidfd() const;

  private:
    struct State;
    explicit Machine(std::unique_ptr<State> state);
    static Status save(const MachineOptions &options, const std::filesystem::path &directory);
    std::unique_ptr<State> state_;
};

} // namespace ballast::vm
