// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

// What a test machine is made of. Plain data: qemu_plan turns it into arguments, snapshot_key into a name.
namespace ballast::vm {

enum class Firmware { kBios, kUefi, kSecureBoot };
enum class DiskBus { kVirtio, kNvme };
enum class NetworkCard { kVirtio, kE1000e };
enum class Accelerator { kKvm, kTcg };

// Boots a kernel file without firmware menu or boot loader.
struct DirectKernel {
    std::filesystem::path kernel{};
    std::filesystem::path initrd{};
    std::string command_line{};
};

// A disk beside the first one: virtio, in the guest /dev/disk/by-id/virtio-SERIAL. Written to directly.
struct ExtraDisk {
    std::filesystem::path file{};
    std::string format{}; // qcow2 or raw; empty: found out
    std::string serial{}; // 1 to 20 of [A-Za-z0-9_-]
    bool read_only = false;
};

// A network card (virtio) beside the first one. Its cable ends in a TAP device that is there already, in the network
// namespace of the thread that starts the machine; frames go through it as they are.
struct Cable {
    std::string tap{}; // at most 15 of [A-Za-z0-9_-]
    std::string mac{}; // "52:54:00:..." of the card
};

struct MachineOptions {
    std::filesystem::path image{}; // qcow2 or raw; never written to, the machine gets an overlay ...
    bool write_to_image = false;   // ... unless this is set
    std::uint64_t disk_size = 0;   // bytes that the overlay grows to; 0: the image's own size
    Firmware firmware = Firmware::kBios;
    std::optional<DirectKernel> direct_kernel{};
    unsigned memory = 2048; // MiB
    unsigned cpus = 2;
    // NoCloud: user-data, and if present meta-data, network-config, vendor-data. Empty: no seed.
    std::filesystem::path seed{};
    DiskBus disk_bus = DiskBus::kVirtio;
    NetworkCard network_card = NetworkCard::kVirtio;
    std::vector<ExtraDisk> disks{};
    std::vector<Cable> cables{};
    // Everything that the guest writes to the first disk is logged here, in the order in which it is done, with its
    // flushes (QEMU's driver blklogwrites). Made anew; it grows with all that is written. Empty: no log.
    std::filesystem::path write_log{};
    std::vector<std::uint16_t> forwarded_ports{};     // TCP ports of the guest, beside 22; see Machine::port()
    std::map<std::string, std::string> credentials{}; // further systemd system credentials
    bool console_login = false;                       // the serial console logs root in by itself
    bool panic_is_fatal = true;                       // a kernel panic ends the wait for readiness at once
    std::optional<Accelerator> accelerator{};         // default: KVM where a probe proves that it works
    // Under emulation on a busy host; what dies or panics is noticed at once.
    std::chrono::seconds ready_timeout{600};

    std::filesystem::path log_directory{}; // serial.log and qemu.log; empty: with the machine's scratch files
    std::filesystem::path state_directory = "/var/cache/ballast/vm"; // snapshots, ssh key, result of the probe
    std::filesystem::path scratch_directory{};                       // overlays; empty: STATE/run
};

} // namespace ballast::vm
