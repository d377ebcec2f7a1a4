// SPDX-License-Identifier: Apache-2.0
// ballast-vm: boots the image in QEMU, for a person (boot) or for one command (run).
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "tests/vm/arguments.h"

namespace ballast::vm {
namespace {

constexpr std::uint64_t kGibibyte = 1ULL << 30;

struct Flags {
    bool bios = false;
    bool uefi = false;
    bool secure_boot = false;
    bool nvme = false;
    bool e1000e = false;
    std::uint64_t disk_size = 20; // GiB
    std::string kernel;
    std::string initrd;
    std::string command_line;
};

void add_machine_options(CLI::App &verb, Arguments &arguments, Flags &flags) {
    MachineOptions &machine = arguments.machine;
    auto *bios = verb.add_flag("--bios", flags.bios, "boot by BIOS (the default)");
    auto *uefi = verb.add_flag("--uefi", flags.uefi, "boot by UEFI")->excludes(bios);
    verb.add_flag("--secure-boot", flags.secure_boot, "boot by UEFI with Secure Boot")->excludes(bios)->excludes(uefi);
    verb.add_option("--seed", machine.seed, "directory with user-data, meta-data, network-config for cloud-init")
        ->check(CLI::ExistingDirectory);
    verb.add_option("--memory", machine.memory, "MiB")->check(CLI::Range(128, 1048576))->capture_default_str();
    verb.add_option("--cpus", machine.cpus, "processors")->check(CLI::Range(1, 64))->capture_default_str();
    verb.add_option("--disk-size", flags.disk_size, "GiB that the throw-away disk grows to; the image's size at least")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    verb.add_flag("--nvme", flags.nvme, "an NVMe disk instead of a virtio one");
    verb.add_flag("--e1000e", flags.e1000e, "an e1000e network card instead of a virtio one");
    auto *kernel = verb.add_option("--kernel", flags.kernel, "start this kernel without a boot loader");
    verb.add_option("--initrd", flags.initrd, "its initramfs")->needs(kernel);
    verb.add_option("--append", flags.command_line, "its command line")->needs(kernel);
    verb.add_option("--state", machine.state_directory, "directory for snapshots and the test machines' ssh key")
        ->capture_default_str();
    verb.add_option("--output", arguments.output, "directory for disks and logs")->capture_default_str();
}

void apply(const Flags &flags, Arguments &arguments) {
    MachineOptions &machine = arguments.machine;
    machine.firmware = flags.secure_boot ? Firmware::kSecureBoot : flags.uefi ? Firmware::kUefi : Firmware::kBios;
    machine.disk_bus = flags.nvme ? DiskBus::kNvme : DiskBus::kVirtio;
    machine.network_card = flags.e1000e ? NetworkCard::kE1000e : NetworkCard::kVirtio;
    machine.disk_size = flags.disk_size * kGibibyte;
    if (!flags.kernel.empty()) {
        machine.direct_kernel = {flags.kernel, flags.initrd, flags.command_line};
    }
}

int main_vm(int argc, char **argv) {
    CLI::App app("Boots the image in QEMU.", "ballast-vm");
    app.require_subcommand(1);
    Arguments arguments;
    arguments.machine.image = default_image();
    arguments.output = "out";
    Flags flags;
    std::filesystem::path disk;

    CLI::App *run = app.add_subcommand("run", "run one command as root in a throw-away machine");
    run->add_option("--image", arguments.machine.image, "qcow2 or raw")->capture_default_str();
    add_machine_options(*run, arguments, flags);
    run->add_flag("--fresh", arguments.fresh, "boot, instead of starting from the saved machine");
    run->add_option("command", arguments.command, "after --: the command and its arguments")->required();

    CLI::App *boot = app.add_subcommand("boot", "boot with the serial console in the foreground");
    add_machine_options(*boot, arguments, flags);
    boot->add_option("--disk", disk, "boot this disk and write to it, instead of a throw-away copy of the image")
        ->check(CLI::ExistingFile);
    boot->add_flag("--detach", arguments.detach, "wait until it is up, print how to reach it and leave it running");
    CLI11_PARSE(app, argc, argv);

    arguments.verb = run->parsed() ? Arguments::Verb::kRun : Arguments::Verb::kBoot;
    apply(flags, arguments);
    if (!disk.empty()) {
        arguments.machine.image = disk;
        arguments.machine.write_to_image = true;
        arguments.machine.disk_size = 0;
    }
    return arguments.verb == Arguments::Verb::kRun ? run_command(arguments) : boot_command(arguments);
}

} // namespace
} // namespace ballast::vm

int main(int argc, char **argv) { return ballast::vm::main_vm(argc, argv); }
