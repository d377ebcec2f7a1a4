// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sys/stat.h>

#include "base/file_io.h"
#include "tests/vm/disk_image.h"
#include "tests/vm/machine_state.h"

// What goes into a running machine and comes out of it: files, disks, a web server.
namespace ballast::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kDetachTime{60};

// `script` runs in bash here; $1 is a local path and "${@:2}" the ssh command. Positional parameters need no quoting.
Status pipe_through(const std::string &script, const fs::path &local, const std::vector<std::string> &ssh) {
    Command command{.arguments = {"bash", "-o", "pipefail", "-c", script, "copy", local.string()},
                    .timeout = kDefaultCommandTime};
    command.arguments.insert(command.arguments.end(), ssh.begin(), ssh.end());
    const Completed completed = TRY(ballast::run(command));
    if (completed.status != 0) {
        return fail(EIO, completed.errors.empty() ? "status " + std::to_string(completed.status) : completed.errors);
    }
    return {};
}

std::string octal(unsigned mode) {
    std::string digits;
    for (; mode != 0 || digits.empty(); mode >>= 3) {
        digits.insert(digits.begin(), static_cast<char>('0' + (mode & 7U)));
    }
    return digits;
}

} // namespace

Status Machine::copy_in(const fs::path &from, const fs::path &to) {
    const std::string context = "copy " + from.string() + " to " + to.string() + " in the guest";
    struct stat status{};
    if (stat(from.c_str(), &status) != 0) {
        return fail_errno(context);
    }
    const SshConnection *ssh = TRY(state_->connection());
    const std::string target = shell_quoted(to.string());
    if (S_ISDIR(status.st_mode)) {
        return pipe_through("tar -C \"$1\" --owner=0 --group=0 --numeric-owner -cf - . | \"${@:2}\"", from,
                            ssh->arguments("mkdir -p " + target + " && tar -C " + target + " -xpf -"))
            .within(context);
    }
    // By way of a name of its own: the file may be a program that is running.
    const std::string partial = shell_quoted(to.string() + ".partial");
    return pipe_through("\"${@:2}\" <\"$1\"", from,
                        ssh->arguments("mkdir -p " + shell_quoted(to.parent_path().string()) + " && cat >" + partial +
                                       " && chmod " + octal(status.st_mode & 07777U) + " " + partial + " && mv -fT " +
                                       partial + " " + target))
        .within(context);
}

Status Machine::copy_out(const fs::path &from, const fs::path &to) {
    const std::string context = "copy " + from.string() + " of the guest to " + to.string();
    const std::string source = shell_quoted(from.string());
    std::string mode =
        TRY(run_checked("if [ -d " + source + " ]; then echo directory; else stat -L -c %a " + source + "; fi")
                .within(context));
    mode = mode.substr(0, mode.find('\n'));
    const SshConnection *ssh = TRY(state_->connection());
    if (mode == "directory") {
        TRY(make_directories(to));
        return pipe_through("\"${@:2}\" | tar -C \"$1\" -xpf -", to, ssh->arguments("tar -C " + source + " -cf - ."))
            .within(context);
    }
    if (to.has_parent_path()) {
        TRY(make_directories(to.parent_path()));
    }
    TRY(pipe_through("\"${@:2}\" >\"$1\"", to, ssh->arguments("cat " + source)).within(context));
    if (chmod(to.c_str(), static_cast<mode_t>(std::stoul(mode, nullptr, 8))) != 0) {
        return fail_errno(context);
    }
    return {};
}

Status Machine::copy_disk(const fs::path &to) const {
    if (state_->qemu) {
        return fail(EBUSY, "copy the machine's disk: its power is on");
    }
    (void)TRY(ballast::run_checked({.arguments = {"qemu-img", "convert", "-f", state_->files.disk_format, "-O", "raw",
                                                  state_->files.disk.string(), to.string()}}));
    return {};
}

Result<std::string> Machine::attach_disk(const fs::path &file, const std::string &serial) {
    MachineOptions asked = state_->options;
    asked.disks.push_back({.file = file, .format = "", .serial = serial});
    TRY(check_options(asked));
    if (!state_->qmp) {
        return fail(ENOTCONN, "attach a disk: the machine's power is off");
    }
    if (state_->attached.contains(serial)) {
        return fail(EEXIST, "attach a disk: serial " + serial + " is taken");
    }
    unsigned port = 0;
    while (std::ranges::any_of(state_->attached, [port](const auto &disk) { return disk.second == port; })) {
        ++port;
    }
    if (port == kHotplugPorts) {
        return fail(ENOSPC, "attach a disk: all " + std::to_string(kHotplugPorts) + " ports are taken");
    }
    const std::string id = "hot-" + serial;
    TRY(state_->qmp->execute("blockdev-add",
                             {{"node-name", id},
                              {"driver", TRY(inspect_disk(file)).format},
                              {"discard", "unmap"},
                              {"file", {{"driver", "file"}, {"filename", fs::absolute(file).string()}}}}));
    const Result<nlohmann::json> added =
        state_->qmp->execute("device_add", {{"driver", "virtio-blk-pci"},
                                            {"id", id},
                                            {"drive", id},
                                            {"serial", serial},
                                            {"bus", "hotplug" + std::to_string(port)}});
    if (!added.has_value()) {
        (void)state_->qmp->execute("blockdev-del", {{"node-name", id}}); // the first error is the one to tell
        return std::unexpected(added.error());
    }
    state_->attached[serial] = port;
    std::string device = "/dev/disk/by-id/virtio-" + serial;
    TRY(run_checked("udevadm wait --timeout=60 " + device).within("attach disk " + serial));
    return device;
}

Status Machine::detach_disk(const std::string &serial) {
    if (!state_->qmp || !state_->attached.contains(serial)) {
        return fail(ENOENT, "detach disk " + serial + ": it is not attached");
    }
    const std::string id = "hot-" + serial;
    state_->qmp->forget_events();
    TRY(state_->qmp->execute("device_del", {{"id", id}}));
    const auto deadline = std::chrono::steady_clock::now() + kDetachTime;
    for (std::string gone; gone != id;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        gone = TRY(state_->qmp->wait_event("DEVICE_DELETED", left).within("detach disk " + serial)).value("device", "");
    }
    TRY(state_->qmp->execute("blockdev-del", {{"node-name", id}}));
    state_->attached.erase(serial);
    return {};
}

Result<std::string> Machine::serve(const fs::path &directory) {
    FileServer server = TRY(FileServer::start(directory));
    // QEMU's user network shows the host's loopback to the guest under this address.
    std::string url = "http://10.0.2.2:" + std::to_string(server.port());
    state_->servers.push_back(std::move(server));
    return url;
}

} // namespace ballast::vm
