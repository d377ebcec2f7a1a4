// SPDX-License-Identifier: Apache-2.0
// ballast-initramfs: the first process. Loads drivers until the root device is there, checks and mounts it, lets OSTree
// find the deployment in it, and hands over to the system's own first process.
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>
#include <vector>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/subprocess.h"
#include "boot/device_events.h"
#include "boot/drivers.h"
#include "boot/hang_guard.h"
#include "boot/root_device.h"
#include "boot/root_options.h"
#include "boot/switch_root.h"

namespace ballast::boot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char *kRoot = "/sysroot";
constexpr std::chrono::minutes kFirstStep{1};
constexpr std::chrono::seconds kGrace{30};            // that a step may take beside its wait
constexpr std::chrono::hours kLongestCheck{2};        // of a file system: large and slow disks take their time
constexpr unsigned kTimeToRead = 10;                  // seconds between a message and the restart
constexpr std::chrono::milliseconds kLookAgain{1000}; // a partition may be readable a moment after its event

// fsck(8)
constexpr int kCorrected = 1;
constexpr int kRestart = 2;

// A priority of syslog(3). Errors reach the console even where "quiet" keeps the rest away.
enum class Priority { kError = 3, kWarning = 4, kInfo = 6 };

void say(Priority priority, const std::string &message) {
    const Result<Fd> log = open_file("/dev/kmsg", O_WRONLY);
    if (log.has_value()) { // without it nobody could be told
        (void)write_all(*log, "<" + std::to_string(static_cast<int>(priority)) +
                                  ">ballast-initramfs: " + escaped(message) + "\n");
    }
}

void complain(const std::string &message) { say(Priority::kWarning, message); }

struct Mount {
    const char *type;
    const char *path;
    unsigned long flags;
    const char *options;
};

// As systemd mounts them, which keeps what it finds.
Status mount_kernel_file_systems() {
    constexpr Mount kMounts[] = {
        {"devtmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=0755,size=4m,nr_inodes=64k"},
        {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
        {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
        {"tmpfs", "/run", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=0755,size=20%,nr_inodes=800k"},
    };
    for (const Mount &one : kMounts) {
        TRY(make_directories(one.path));
        if (mount(one.type, one.path, one.type, one.flags, one.options) != 0) {
            return fail_errno(std::string("mount ") + one.path);
        }
    }
    return {};
}

// An initramfs need not have the console that the kernel gives its first process, and what is opened next would take
// the place of a standard stream.
Status open_standard_streams() {
    int opened = -1;
    do {
        opened = open("/dev/null", O_RDWR); // NOLINT(cppcoreguidelines-pro-type-vararg): they are to be kept
        if (opened < 0) {
            return fail_errno("open /dev/null");
        }
    } while (opened <= STDERR_FILENO);
    close(opened);
    return {};
}

Result<RootDevice> wait_for_root(const RootOptions &options) {
    DeviceEvents events = TRY(DeviceEvents::open());
    Drivers drivers = TRY(Drivers::open());
    const auto deadline = Clock::now() + options.wait;
    std::optional<RootDevice> found = find_root_device(options.root);
    const auto look = [&] {
        found = find_root_device(options.root);
        return found.has_value();
    };
    while (!found) {
        drivers.load(look, complain);
        if (found || look()) {
            break;
        }
        if (Clock::now() >= deadline) {
            return fail(ENODEV, "no disk has the root file system, " + quote(options.root) + ", after " +
                                    std::to_string(options.wait.count()) + " s (rd.timeout=)");
        }
        TRY(events.wait(kLookAgain));
    }
    drivers.load("fs-" + (options.type.empty() ? found->type : options.type), complain);
    return *found;
}

Status check_file_system(const RootOptions &options, const RootDevice &device) {
    const std::string program = "/usr/sbin/fsck." + device.type;
    if (options.check == FileSystemCheck::kSkip || access(program.c_str(), X_OK) != 0) {
        return {};
    }
    Command command{.arguments = {program, "-a", device.path}};
    if (options.check == FileSystemCheck::kForce) {
        command.arguments.insert(command.arguments.begin() + 1, "-f");
    }
    const Completed completed = TRY(run(command));
    const std::string said = completed.output.substr(0, completed.output.find_last_not_of('\n') + 1);
    if (!said.empty()) {
        say(completed.status == 0 ? Priority::kInfo : Priority::kWarning, said);
    }
    if ((completed.status & ~kCorrected) == 0) {
        return {};
    }
    if (completed.status == kRestart || completed.status == (kRestart | kCorrected)) {
        return fail(EAGAIN, device.path + " was repaired, and asks for a restart");
    }
    return fail(EIO, "check " + device.path + ": exit status " + std::to_string(completed.status) + ": " + said +
                         completed.errors);
}

Status mount_root(const RootOptions &options, const RootDevice &device) {
    const std::string &type = options.type.empty() ? device.type : options.type;
    TRY(make_directories(kRoot));
    if (mount(device.path.c_str(), kRoot, type.c_str(), options.read_only ? MS_RDONLY : 0, options.flags.c_str()) !=
        0) {
        return fail_errno("mount " + device.path + " (" + (type.empty() ? "no known file system" : type) + ")");
    }
    return {};
}

Status find_deployment() {
    (void)TRY(run_checked({.arguments = {"/usr/lib/ostree/ostree-prepare-root", kRoot}}));
    return {};
}

Result<std::string> prepare(HangGuard &guard) {
    TRY(open_standard_streams());
    const RootOptions options = TRY(parse_root_options(TRY(read_file("/proc/cmdline"))));
    const auto step = options.wait + kGrace;
    TRY(guard.allow(step));
    const RootDevice device = TRY(wait_for_root(options));
    TRY(guard.allow(kLongestCheck));
    TRY(check_file_system(options, device));
    TRY(guard.allow(step));
    TRY(mount_root(options, device));
    if (options.deployment) {
        TRY(find_deployment());
    }
    say(Priority::kInfo, "the root file system is on " + device.path);
    return options.init;
}

// The menu of the boot loader counts starts: one that ends here counts against the deployment, and the next may be the
// one before it.
[[noreturn]] void restart(const std::string &why) {
    say(Priority::kError, why);
    say(Priority::kError, "Restarting in " + std::to_string(kTimeToRead) + " seconds.");
    sync();
    sleep(kTimeToRead);
    reboot(RB_AUTOBOOT);
    _exit(1); // the kernel panics
}

// In the guard's process. An orderly restart waits for the driver that hangs, as a sync() would; this one does not.
void end_hang() {
    say(Priority::kError, "A step did not end (rd.timeout=). Restarting.");
    (void)write_file("/proc/sysrq-trigger", "b"); // fails once it has moved to the new root
    reboot(RB_AUTOBOOT);
}

} // namespace
} // namespace ballast::boot

int main(int, char **arguments) {
    using namespace ballast;
    if (getpid() != 1) {
        (void)std::fputs("ballast-initramfs: the first process of an initramfs, and nothing else\n", stderr);
        return 2;
    }
    if (const Status mounted = boot::mount_kernel_file_systems(); !mounted) {
        boot::restart(mounted.error().message);
    }
    Result<boot::HangGuard> guard = boot::HangGuard::start(boot::kFirstStep, boot::end_hang); // ends when init starts
    if (!guard) {
        boot::restart(guard.error().message);
    }
    Result<std::string> init = boot::prepare(*guard);
    if (!init) {
        boot::restart(init.error().message);
    }
    if (const Status switched = boot::switch_root(boot::kRoot); !switched) {
        boot::restart(switched.error().message);
    }
    arguments[0] = init->data();
    execv(init->c_str(), arguments);
    boot::restart("start " + *init + ": " + std::strerror(errno));
}
