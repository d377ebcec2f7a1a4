// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/qemu_plan.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kSshPort = 22;

// A comma ends a value in QEMU's option syntax; doubled it stands for itself.
std::string value(const fs::path &path) {
    std::string escaped;
    for (const char c : path.string()) {
        escaped += c;
        if (c == ',') {
            escaped += c;
        }
    }
    return escaped;
}

class Arguments {
  public:
    template <typename... Words>
    void add(Words &&...words) {
        (list_.emplace_back(std::forward<Words>(words)), ...);
    }
    std::vector<std::string> take() { return std::move(list_); }

  private:
    std::vector<std::string> list_;
};

void plan_machine(Arguments &out, const MachineOptions &options, Accelerator accelerator) {
    const bool secure = options.firmware == Firmware::kSecureBoot;
    out.add("-nodefaults", "-no-user-config", "-display", "none");
    out.add("-machine", secure ? "q35,smm=on" : "q35");
    out.add("-accel", accelerator == Accelerator::kKvm ? "kvm" : "tcg,thread=multi");
    out.add("-cpu", accelerator == Accelerator::kKvm ? "host" : "max");
    out.add("-m", std::to_string(options.memory) + "M");
    out.add("-smp", std::to_string(options.cpus));
    out.add("-rtc", "base=utc,clock=host");
    // A new generation id tells a restored kernel to reseed: two machines from one snapshot share no random numbers.
    out.add("-device", "vmgenid,guid=auto", "-device", "virtio-rng-pci");
}

void plan_firmware(Arguments &out, const MachineOptions &options, const QemuFiles &files) {
    if (options.firmware == Firmware::kBios) {
        return;
    }
    if (options.firmware == Firmware::kSecureBoot) {
        out.add("-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1");
    }
    out.add("-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + value(firmware_code(options.firmware)));
    out.add("-drive", "if=pflash,unit=1,format=raw,file=" + value(files.variables));
}

// A driver between the guest and the first disk keeps a log of what passes. The image's own flushes are skipped as for
// an overlay; the log has them all the same.
void plan_logged_disk(Arguments &out, const MachineOptions &options, const QemuFiles &files) {
    out.add("-blockdev", "driver=" + files.disk_format +
                             ",node-name=content,discard=unmap,cache.no-flush=on,file.driver=file,file.filename=" +
                             value(files.disk));
    out.add("-blockdev", "driver=file,node-name=log,filename=" + value(options.write_log));
    out.add("-blockdev", "driver=blklogwrites,node-name=disk,file=content,log=log,log-sector-size=512");
}

void plan_disks(Arguments &out, const MachineOptions &options, const QemuFiles &files) {
    // An overlay lives as long as the machine. "unsafe" skips only the host's fsync: a guest's flush still takes QEMU's
    // own caches to the kernel, so what the guest synced outlives a killed QEMU all the same.
    if (options.write_log.empty()) {
        const std::string cache = options.write_to_image ? "writeback" : "unsafe";
        out.add("-drive", "if=none,id=disk,discard=unmap,cache=" + cache + ",format=" + files.disk_format +
                              ",file=" + value(files.disk));
    } else {
        plan_logged_disk(out, options, files);
    }
    // Boot index 0 is taken where a kernel is started directly.
    out.add("-device", options.disk_bus == DiskBus::kNvme ? "nvme,drive=disk,serial=ballast,bootindex=1"
                                                          : "virtio-blk-pci,drive=disk,serial=ballast,bootindex=1");
    if (!files.seed.empty()) {
        out.add("-drive", "if=none,id=seed,format=raw,readonly=on,file=" + value(files.seed));
        out.add("-device", "virtio-blk-pci,drive=seed,serial=seed");
    }
    for (const ExtraDisk &disk : options.disks) {
        const std::string id = "extra-" + disk.serial;
        out.add("-drive", "if=none,id=" + id + ",discard=unmap,readonly=" + (disk.read_only ? "on" : "off") +
                              ",format=" + disk.format + ",file=" + value(disk.file));
        out.add("-device", "virtio-blk-pci,drive=" + id + ",serial=" + disk.serial);
    }
    for (unsigned port = 0; port < kHotplugPorts; ++port) {
        const std::string number = std::to_string(port);
        out.add("-device", "pcie-root-port,id=hotplug" + number + ",chassis=" + std::to_string(port + 1));
    }
}

void plan_network(Arguments &out, const MachineOptions &options) {
    std::string user = "user,id=net";
    const auto forward = [&user](std::uint16_t port) { user += ",hostfwd=tcp:127.0.0.1:0-:" + std::to_string(port); };
    forward(kSshPort);
    std::ranges::for_each(options.forwarded_ports, forward);
    out.add("-netdev", user);
    // Without its boot ROM: no network boot is tried, and none is loaded.
    out.add("-device", options.network_card == NetworkCard::kE1000e ? "e1000e,netdev=net,romfile="
                                                                    : "virtio-net-pci,netdev=net,romfile=");
    for (const Cable &cable : options.cables) {
        out.add("-netdev", "tap,id=" + cable.tap + ",ifname=" + cable.tap + ",script=no,downscript=no");
        out.add("-device", "virtio-net-pci,netdev=" + cable.tap + ",mac=" + cable.mac + ",romfile=");
    }
}

void plan_channels(Arguments &out, const QemuFiles &files) {
    out.add("-chardev", "socket,id=qmp,path=" + value(files.qmp_socket), "-mon", "chardev=qmp,mode=control");
    out.add("-chardev", "socket,id=console,server=on,wait=off,path=" + value(files.console_socket) +
                            ",logappend=on,logfile=" + value(files.serial_log));
    out.add("-serial", "chardev:console");
    out.add("-device", "virtio-serial-pci", "-chardev", "file,id=ready,append=on,path=" + value(files.ready));
    out.add("-device", "virtserialport,chardev=ready,name=" + std::string(kReadyPort));
}

bool is_name(const std::string &text, std::size_t longest) {
    return !text.empty() && text.size() <= longest &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

bool is_mac(const std::string &text) {
    constexpr std::size_t kDigits = 2, kStep = 3, kLength = 17;
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool digit = std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
        if (i % kStep == kDigits ? text[i] != ':' : !digit) {
            return false;
        }
    }
    return text.size() == kLength;
}

} // namespace

fs::path firmware_code(Firmware firmware) {
    return firmware == Firmware::kSecureBoot ? "/usr/share/OVMF/OVMF_CODE_4M.ms.fd" : "/usr/share/OVMF/OVMF_CODE_4M.fd";
}

fs::path firmware_variables(Firmware firmware) {
    return firmware == Firmware::kSecureBoot ? "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" : "/usr/share/OVMF/OVMF_VARS_4M.fd";
}

Status check_options(const MachineOptions &options) {
    if (options.image.empty()) {
        return fail(EINVAL, "test machine: no image given");
    }
    if (options.memory < 128 || options.memory > 1024 * 1024) {
        return fail(EINVAL, "test machine: memory of " + std::to_string(options.memory) + " MiB; 128 to 1048576 work");
    }
    if (options.cpus < 1 || options.cpus > 64) {
        return fail(EINVAL, "test machine: " + std::to_string(options.cpus) + " processors; 1 to 64 work");
    }
    if (options.direct_kernel && options.firmware == Firmware::kSecureBoot) {
        return fail(EINVAL, "test machine: a kernel started directly is not verified, so not with Secure Boot");
    }
    if (options.write_to_image && options.disk_size != 0) {
        return fail(EINVAL, "test machine: a size is for the overlay, but the image itself is to be written to");
    }
    for (const ExtraDisk &disk : options.disks) {
        if (!is_name(disk.serial, 20)) {
            return fail(EINVAL, "test machine: disk serial \"" + disk.serial + "\": use 1 to 20 of [A-Za-z0-9_-]");
        }
    }
    for (const Cable &cable : options.cables) {
        if (!is_name(cable.tap, 15) || !is_mac(cable.mac)) {
            return fail(EINVAL, "test machine: cable \"" + cable.tap + "\" to \"" + cable.mac +
                                    "\": want a TAP device, 1 to 15 of [A-Za-z0-9_-], and a hardware address");
        }
    }
    return {};
}

std::vector<std::string> plan_qemu(const MachineOptions &options, Accelerator accelerator,
                                   const Credentials &credentials, const QemuFiles &files, bool restoring) {
    Arguments out;
    out.add("qemu-system-x86_64");
    plan_machine(out, options, accelerator);
    plan_firmware(out, options, files);
    plan_disks(out, options, files);
    plan_network(out, options);
    plan_channels(out, files);
    for (const auto &[name, content] : credentials) {
        out.add("-smbios", smbios_option(name, content));
    }
    if (options.direct_kernel) {
        out.add("-kernel", options.direct_kernel->kernel.string(), "-append", options.direct_kernel->command_line);
        if (!options.direct_kernel->initrd.empty()) {
            out.add("-initrd", options.direct_kernel->initrd.string());
        }
    }
    out.add("-S");
    if (restoring) {
        out.add("-incoming", "defer");
    }
    return out.take();
}

std::map<std::uint16_t, std::uint16_t> parse_forwards(const std::string &usernet) {
    // "  TCP[HOST_FORWARD]  13  127.0.0.1 40213  10.0.2.15  22  0  0"
    std::map<std::uint16_t, std::uint16_t> ports;
    std::istringstream lines(usernet);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string protocol;
        std::string descriptor;
        std::string from;
        std::string to;
        std::uint16_t host = 0;
        std::uint16_t guest = 0;
        if (words >> protocol >> descriptor >> from >> host >> to >> guest && protocol == "TCP[HOST_FORWARD]") {
            ports[guest] = host;
        }
    }
    return ports;
}

} // namespace ballast::vm
