// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/machine.h"

#include <csignal>

#include "tests/vm/machine_state.h"

namespace ballast::vm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kConnectTime{90};
constexpr seconds kShutdownTime{180};
constexpr int kSshFailed = 255;

} // namespace

Machine::Machine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Machine::Machine(Machine &&) noexcept = default;
Machine &Machine::operator=(Machine &&) noexcept = default;
Machine::~Machine() = default;

Result<Machine> Machine::start_paused(MachineOptions options) {
    auto state = TRY(State::create(std::move(options)));
    TRY(state->make_files(state->scratch->path()));
    TRY(state->launch(false));
    return Machine(std::move(state));
}

Result<Machine> Machine::boot(MachineOptions options) {
    Machine machine = TRY(start_paused(std::move(options)));
    TRY(machine.resume());
    TRY(machine.wait_until_ready());
    return machine;
}

Status Machine::resume() { return state_->cont(); }
Status Machine::wait_until_ready() { return state_->wait_ready(); }

Result<SshConnection *> Machine::State::connection() {
    if (!qemu) {
        return fail(ENOTCONN, "the machine's power is off");
    }
    if (!ssh || !ssh->is_alive()) {
        ssh.reset();
        const SshTarget target{key.private_file, scratch->path() / "known_hosts", ports[22]};
        Result<SshConnection> opened = SshConnection::open(target, scratch->path(), kConnectTime);
        if (!opened.has_value()) {
            return fail(opened.error().code, opened.error().message + "; " + serial_tail(files.serial_log));
        }
        ssh.emplace(std::move(*opened));
    }
    return &*ssh;
}

Status Machine::State::check_connected() {
    // Give an end that is just happening a moment to show.
    const bool ended = qemu->wait(milliseconds(200)).has_value();
    if (ended || !ssh->is_alive()) {
        return fail(ECONNRESET, std::string(ended ? "QEMU ended" : "the guest closed the connection") +
                                    " while a command ran; " + serial_tail(files.serial_log));
    }
    return {};
}

Result<Completed> Machine::run(const std::string &command, milliseconds timeout) {
    SshConnection *ssh = TRY(state_->connection());
    Completed completed = TRY(ballast::run({.arguments = ssh->arguments(command), .timeout = timeout}));
    if (completed.status == kSshFailed) {
        TRY(state_->check_connected());
    }
    return completed;
}

Result<std::string> Machine::run_checked(const std::string &command, milliseconds timeout) {
    Completed completed = TRY(run(command, timeout));
    if (completed.status != 0) {
        return fail(EIO, "in the guest: " + command + ": status " + std::to_string(completed.status) + ": " +
                             completed.errors);
    }
    return std::move(completed.output);
}

Result<int> Machine::run_attached(const std::string &command) {
    SshConnection *ssh = TRY(state_->connection());
    Child child = TRY(Child::start({.arguments = ssh->arguments(command)}));
    const int status = TRY(child.wait());
    if (status == kSshFailed) {
        TRY(state_->check_connected());
    }
    return status;
}

Status Machine::reboot() {
    state_->serial_offset = state_->serial_size();
    const Result<Completed> asked = run("systemctl reboot");
    if (asked.has_value() && asked->status != 0 && asked->status != kSshFailed) {
        return fail(EIO, "reboot: systemctl: status " + std::to_string(asked->status) + ": " + asked->errors);
    }
    if (!asked.has_value() && asked.error().code != ECONNRESET) {
        return std::unexpected(asked.error());
    }
    return wait_for_next_boot();
}

Status Machine::wait_for_next_boot() {
    TRY(state_->wait_ready());
    state_->ssh.reset();
    return {};
}

Status Machine::shutdown() {
    const Result<Completed> asked = run("systemctl poweroff");
    if (!asked.has_value() && asked.error().code != ECONNRESET) {
        return std::unexpected(asked.error());
    }
    return state_->wait_for_end(kShutdownTime);
}

Status Machine::State::wait_for_end(milliseconds timeout) {
    const Result<int> ended = qemu->wait(timeout);
    if (!ended.has_value()) {
        return fail(ended.error().code, "wait for the machine to power off: " + ended.error().message + "; " +
                                            serial_tail(files.serial_log));
    }
    power_off();
    return {};
}

Status Machine::cut_power() {
    if (!state_->qemu) {
        return fail(ENOTCONN, "the machine's power is off");
    }
    TRY(state_->qemu->signal(SIGKILL));
    TRY(state_->qemu->wait());
    state_->power_off();
    return {};
}

Status Machine::power_on() {
    if (state_->qemu && !state_->qemu->wait(milliseconds(0)).has_value()) {
        return fail(EALREADY, "the machine is running");
    }
    state_->power_off();
    TRY(state_->launch(false));
    TRY(state_->cont());
    return state_->wait_ready();
}

void Machine::State::power_off() {
    ssh.reset();
    qmp.reset();
    qemu.reset();
    ports.clear();
    attached.clear();
}

Result<std::uint16_t> Machine::port(std::uint16_t guest_port) const {
    const auto found = state_->ports.find(guest_port);
    if (found == state_->ports.end()) {
        return fail(ENOENT, "port " + std::to_string(guest_port) + " of the guest is not forwarded");
    }
    return found->second;
}

std::vector<std::string> Machine::login_command() const {
    const auto port = state_->ports.find(22);
    return {"ssh",
            "-i",
            state_->key.private_file.string(),
            "-p",
            std::to_string(port == state_->ports.end() ? 0 : port->second),
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "StrictHostKeyChecking=no",
            "root@127.0.0.1"};
}

std::string Machine::boot_id() const { return state_->boot_id; }
const std::filesystem::path &Machine::serial_log() const { return state_->files.serial_log; }
const std::filesystem::path &Machine::console_socket() const { return state_->files.console_socket; }
BorrowedFd Machine::pidfd() const { return state_->qemu ? state_->qemu->pidfd() : BorrowedFd(-1); }

} // namespace ballast::vm
