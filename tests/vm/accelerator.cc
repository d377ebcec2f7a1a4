// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/accelerator.h"

#include <array>
#include <unistd.h>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kProbeTime{10};
// isa-debug-exit ends QEMU with (value << 1) | 1; the guest writes 0x21.
constexpr int kProbeStatus = 0x21 << 1 | 1;

// Loaded at 0x7c00. AT&T syntax on the right.
constexpr std::array<unsigned char, 134> kProbeCode = {
    0xfa,                                                 // cli
    0x31, 0xc0, 0x8e, 0xd8,                               // xor %ax,%ax; mov %ax,%ds
    0x66, 0x0f, 0x01, 0x16, 0x78, 0x7c,                   // lgdtl 0x7c78
    0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0,       // mov %cr0,%eax; or $1,%al; mov %eax,%cr0
    0xea, 0x18, 0x7c, 0x08, 0x00,                         // ljmp $8,$0x7c18: from here 32-bit code
    0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xc0,       // mov $16,%ax; mov %ax,%ds; mov %ax,%es
    0xb8, 0x07, 0x00, 0x00, 0x00, 0x31, 0xc9, 0x0f, 0xa2, // mov $7,%eax; xor %ecx,%ecx; cpuid
    0xf7, 0xc3, 0x00, 0x01, 0x00, 0x00, 0x74, 0x13,       // test $0x100,%ebx (BMI2); je say
    0xb8, 0x01, 0x00, 0x00, 0x00,                         // mov $1,%eax
    0xb9, 0x03, 0x00, 0x00, 0x00,                         // mov $3,%ecx
    0xc4, 0xe2, 0x71, 0xf7, 0xc0,                         // shlx %ecx,%eax,%eax
    0x3c, 0x08, 0x75, 0x12,                               // cmp $8,%al; jne stop
    0xbe, 0x7e, 0x7c, 0x00, 0x00,                         // say: mov $0x7c7e,%esi
    0xac, 0x84, 0xc0, 0x74, 0x04,                         // next: lodsb; test %al,%al; je finished
    0xe6, 0xe9, 0xeb, 0xf7,                               // out %al,$0xe9; jmp next
    0xb0, 0x21, 0xe6, 0xf4,                               // finished: mov $0x21,%al; out %al,$0xf4
    0xf4, 0xeb, 0xfd,                                     // stop: hlt; jmp stop
    0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,             // to a multiple of 8
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,       // GDT: null
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xcf, 0x00,       // 8: flat code
    0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00,       // 16: flat data
    0x17, 0x00, 0x60, 0x7c, 0x00, 0x00,                   // GDT register: 24 bytes at 0x7c60
    'b',  'a',  'l',  'l',  'a',  's',  't',  0x00,
};

// With the processor model and number that machines get: what fails to start with them does not count as working.
Result<bool> kvm_answers(const fs::path &directory) {
    const fs::path disk = directory / "probe.img";
    const fs::path answer = directory / "answer";
    TRY(write_file(disk, probe_disk()));
    const Command probe{.arguments = {"qemu-system-x86_64",
                                      "-nodefaults",
                                      "-no-user-config",
                                      "-display",
                                      "none",
                                      "-machine",
                                      "q35",
                                      "-accel",
                                      "kvm",
                                      "-cpu",
                                      "host",
                                      "-m",
                                      "128M",
                                      "-smp",
                                      "2",
                                      "-no-reboot",
                                      "-drive",
                                      "if=none,id=disk,format=raw,readonly=on,file=" + disk.string(),
                                      "-device",
                                      "virtio-blk-pci,drive=disk",
                                      "-debugcon",
                                      "file:" + answer.string(),
                                      "-device",
                                      "isa-debug-exit,iobase=0xf4"},
                        .timeout = kProbeTime};
    const Result<Completed> ended = run(probe);
    if (!ended.has_value()) {
        if (ended.error().code == ETIMEDOUT) {
            return false;
        }
        return std::unexpected(ended.error());
    }
    return ended->status == kProbeStatus && read_file(answer).value_or("") == "ballast";
}

} // namespace

Result<std::string> qemu_version() {
    const std::string text = TRY(run_checked({.arguments = {"qemu-system-x86_64", "--version"}}));
    return text.substr(0, text.find('\n'));
}

std::string probe_disk() {
    std::string disk(1U << 20, '\0'); // SeaBIOS does not start from a disk of less than a cylinder
    disk.replace(0, kProbeCode.size(), reinterpret_cast<const char *>(kProbeCode.data()), kProbeCode.size());
    disk[510] = '\x55';
    disk[511] = '\xaa';
    return disk;
}

Result<Accelerator> working_accelerator(const fs::path &state_directory) {
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        return Accelerator::kTcg;
    }
    TRY(make_directories(state_directory));
    const FileLock lock = TRY(FileLock::acquire(state_directory / "accelerator.lock"));
    const std::string asked = TRY(read_file("/proc/sys/kernel/random/boot_id")) + TRY(qemu_version()) + "\n";
    const fs::path known = state_directory / "accelerator";
    const std::string before = read_file(known).value_or("");
    if (before == asked + "kvm\n" || before == asked + "tcg\n") {
        return before.ends_with("kvm\n") ? Accelerator::kKvm : Accelerator::kTcg;
    }
    const TemporaryDirectory directory = TRY(TemporaryDirectory::create(state_directory, "probe-"));
    const bool works = TRY(kvm_answers(directory.path()).within("probe KVM"));
    TRY(replace_file(known, asked + (works ? "kvm\n" : "tcg\n")));
    return works ? Accelerator::kKvm : Accelerator::kTcg;
}

} // namespace ballast::vm
