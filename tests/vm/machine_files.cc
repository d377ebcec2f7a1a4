// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "base/file_io.h"
#include "tests/vm/machine_state.h"

// What goes into a running machine and comes out of it: files, and what a web server has.
namespace ballast::vm {
namespace {

namespace fs = std::filesystem;

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

Result<std::string> Machine::serve(const fs::path &directory) {
    FileServer server = TRY(FileServer::start(directory));
    // QEMU's user network shows the host's loopback to the guest under this address.
    std::string url = "http://10.0.2.2:" + std::to_string(server.port());
    state_->servers.push_back(std::move(server));
    return url;
}

} // namespace ballast::vm
