// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/boot/grub_machine.h"

#include <chrono>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "base/fd.h"
#include "base/file_io.h"

namespace ballast::boot_test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(120);
constexpr int kSilence = 400;                                  // milliseconds; the hidden menu listens for a second
constexpr std::string_view kFirmwareDone = "BdsDxe: starting"; // before that Escape is OVMF's
constexpr std::string_view kMenuShown = "Restart";             // title of the last entry

Result<std::vector<std::string>> qemu(const fs::path &disk, const MachineOptions &options, const std::string &serial) {
    std::vector<std::string> arguments = {
        "qemu-system-x86_64", "-accel", "tcg",      "-cpu", "max",     "-m",   "1024",      "-nic", "none",
        "-display",           "none",   "-monitor", "none", "-serial", serial, "-no-reboot"};
    const std::string read_only = options.read_only ? ",readonly=on" : "";
    arguments.insert(arguments.end(), {"-drive", "if=virtio,format=raw,file=" + disk.string() + read_only});
    if (options.firmware == Firmware::kBios) {
        return arguments;
    }
    const bool secure = options.firmware == Firmware::kSecureBoot;
    const std::string flavour = secure ? ".ms" : "";
    const fs::path variables = disk.parent_path() / ("vars" + flavour + ".fd");
    if (!fs::exists(variables)) {
        const std::string fresh = TRY(read_file("/usr/share/OVMF/OVMF_VARS_4M" + flavour + ".fd"));
        TRY(write_file(variables, fresh));
    }
    arguments.insert(arguments.end(),
                     {"-machine", secure ? "q35,smm=on" : "q35", "-drive",
                      "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M" + flavour + ".fd",
                      "-drive", "if=pflash,format=raw,unit=1,file=" + variables.string()});
    if (secure) {
        arguments.insert(arguments.end(), {"-global", "driver=cfi.pflash01,property=secure,value=on"});
    }
    return arguments;
}

Result<Fd> connect_to(const fs::path &socket) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!fd.is_open() || socket.string().size() >= sizeof address.sun_path) {
        return fail(EINVAL, "no socket for " + socket.string());
    }
    std::strcpy(address.sun_path, socket.c_str());
    for (const auto end = Clock::now() + std::chrono::seconds(10); Clock::now() < end;) {
        if (::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0) {
            return fd;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return fail_errno("connect to " + socket.string());
}

} // namespace

Result<std::string> power_cycle(const fs::path &disk, const MachineOptions &options) {
    Command command;
    command.arguments = TRY(qemu(disk, options, "stdio"));
    command.timeout = kPatience;
    return run_checked(command);
}

Result<std::string> power_cycle_with_keys(const fs::path &disk, const MachineOptions &options,
                                          const std::string &keys) {
    const fs::path socket = disk.parent_path() / "serial.socket";
    TRY(remove_tree(socket));
    Command command;
    command.arguments = TRY(qemu(disk, options, "unix:" + socket.string() + ",server=on,wait=on"));
    command.log = disk.parent_path() / "qemu.log";
    Child machine = TRY(Child::start(command));
    const Fd line = TRY(connect_to(socket));

    std::string output;
    bool typed = false;
    const bool bios = options.firmware == Firmware::kBios;
    for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
        pollfd waiting{line.get(), POLLIN, 0};
        if (::poll(&waiting, 1, kSilence) == 0) {
            // Keys go out in silence only: an Escape still under way would merge with the code of an arrow key.
            if (!typed && (bios || output.contains(kFirmwareDone))) {
                typed = output.contains(kMenuShown);
                TRY(write_all(line, typed ? keys : "\x1b"));
            }
            continue;
        }
        char bytes[4096];
        const ssize_t got = ::read(line.get(), bytes, sizeof bytes);
        if (got <= 0) {
            (void)TRY(machine.wait(std::chrono::seconds(10)));
            return output;
        }
        output.append(bytes, static_cast<std::size_t>(got));
    }
    return fail(ETIMEDOUT, "the machine did not restart; it wrote:\n" + output);
}

} // namespace ballast::boot_test
