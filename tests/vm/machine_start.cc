// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/machine_state.h"

#include <fcntl.h>

#include <sstream>

#include "base/file_io.h"
#include "tests/vm/accelerator.h"
#include "tests/vm/disk_image.h"
#include "tests/vm/seed_iso.h"

// From options to a running QEMU.
namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::chrono::seconds kQemuStart{60};
constexpr std::chrono::minutes kSaveTime{5};
constexpr int kBootAttempts = 4;

Status copy_whole(const fs::path &from, const fs::path &to) {
    std::error_code error;
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    if (error) {
        return fail(error.value(), "copy " + from.string() + " to " + to.string() + ": " + error.message());
    }
    return {};
}

Status await_migration(Qmp &qmp) {
    while (true) {
        const json event = TRY(qmp.wait_event("MIGRATION", kSaveTime));
        const std::string status = event.value("status", "");
        if (status == "completed") {
            return {};
        }
        if (status == "failed" || status == "cancelled") {
            const json details = TRY(qmp.execute("query-migrate"));
            return fail(EIO, "QEMU: migration " + status + ": " + details.value("error-desc", "no reason given"));
        }
    }
}

// Where the guest's processors are, at two moments: whether they stand or go around is seen by both together.
std::string processor_state(Qmp &qmp) {
    std::string state;
    for (int look = 0; look < 2; ++look) {
        const Result<json> answer =
            qmp.execute("human-monitor-command", {{"command-line", "info registers -a"}}, std::chrono::seconds(5));
        if (!answer.has_value() || !answer->is_string()) {
            return state + "\nits processors cannot be seen";
        }
        std::istringstream lines(answer->get<std::string>());
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("RIP=")) {
                state += "\na processor at " + line;
            }
        }
    }
    return state;
}

Status prepare_migration(Qmp &qmp) {
    const auto on = [](const char *name) { return json{{"capability", name}, {"state", true}}; };
    // mapped-ram: each page has its place in the file, so it is read back as fast as the file can be.
    TRY(qmp.execute("migrate-set-capabilities", {{"capabilities", {on("events"), on("mapped-ram")}}}));
    TRY(qmp.execute("migrate-set-parameters", {{"max-bandwidth", 1LL << 40}}));
    return {};
}

} // namespace

Result<std::unique_ptr<Machine::State>> Machine::State::create(MachineOptions options) {
    TRY(check_options(options));
    auto state = std::make_unique<State>();
    // Absolute: QEMU resolves a backing file's name against the overlay's directory.
    options.state_directory = fs::absolute(options.state_directory);
    options.image = fs::absolute(options.image);
    options.write_log = options.write_log.empty() ? fs::path() : fs::absolute(options.write_log);
    TRY(inspect_disk(options.image).within("test machine"));
    for (ExtraDisk &disk : options.disks) {
        if (disk.format.empty()) {
            disk.format = TRY(inspect_disk(disk.file).within("test machine")).format;
        }
    }
    state->accelerator = options.accelerator ? *options.accelerator : TRY(working_accelerator(options.state_directory));
    state->key = TRY(test_key(options.state_directory));
    const fs::path parent =
        options.scratch_directory.empty() ? options.state_directory / "run" : options.scratch_directory;
    state->scratch.emplace(TRY(Scratch::create(parent)));

    const fs::path &scratch = state->scratch->path();
    const fs::path logs = options.log_directory.empty() ? scratch : fs::absolute(options.log_directory);
    TRY(make_directories(logs));
    state->qemu_log = logs / "qemu.log";
    state->files.serial_log = logs / "serial.log";
    state->files.qmp_socket = scratch / "qmp.sock";
    state->files.console_socket = scratch / "console.sock";
    state->files.ready = scratch / "ready";
    state->options = std::move(options);
    return state;
}

Status Machine::State::make_files(const fs::path &directory) {
    if (options.write_to_image) {
        files.disk = options.image;
        files.disk_format = TRY(inspect_disk(options.image)).format;
    } else {
        files.disk = directory / "disk.qcow2";
        files.disk_format = "qcow2";
        TRY(make_overlay(options.image, files.disk, options.disk_size));
    }
    if (!options.write_log.empty()) {
        TRY(write_file(options.write_log, "", 0600)); // QEMU writes to a file that is there
    }
    if (!options.seed.empty()) {
        files.seed = directory / "seed.iso";
        TRY(write_file(files.seed, TRY(make_seed_iso(TRY(read_seed(options.seed)))), 0600));
    }
    if (options.firmware != Firmware::kBios) {
        files.variables = directory / "variables.fd";
        TRY(copy_whole(firmware_variables(options.firmware), files.variables).within("UEFI variables"));
    }
    return {};
}

Status Machine::State::make_files_from(Snapshot from) {
    files.disk = scratch->path() / "disk.qcow2";
    files.disk_format = "qcow2";
    TRY(make_overlay(from.disk(), files.disk, 0));
    if (!options.seed.empty()) {
        files.seed = from.seed();
    }
    if (options.firmware != Firmware::kBios) {
        files.variables = scratch->path() / "variables.fd";
        TRY(copy_whole(from.variables(), files.variables));
    }
    snapshot.emplace(std::move(from));
    return {};
}

Status Machine::State::launch(bool restoring) {
    Credentials credentials = test_credentials(key.public_line);
    if (options.console_login) {
        credentials.merge(console_login_credentials());
    }
    credentials.insert(options.credentials.begin(), options.credentials.end());

    std::error_code ignored;
    fs::remove(files.qmp_socket, ignored);
    TRY(write_file(files.ready, "", 0600));
    TRY(open_file(files.serial_log, O_WRONLY | O_CREAT | O_APPEND, 0644));
    serial_offset = serial_size();
    const std::uint64_t log_offset = fs::exists(qemu_log, ignored) ? fs::file_size(qemu_log, ignored) : 0;

    QmpListener listener = TRY(QmpListener::listen(files.qmp_socket));
    qemu.emplace(TRY(
        Child::start({.arguments = plan_qemu(options, accelerator, credentials, files, restoring), .log = qemu_log})));
    Result<Qmp> connected = listener.accept(qemu->pidfd(), kQemuStart);
    if (!connected.has_value()) {
        const std::string said = read_file(qemu_log).value_or("");
        power_off();
        return fail(connected.error().code, "start QEMU: " + connected.error().message + "; it said: " +
                                                said.substr(std::min<std::size_t>(said.size(), log_offset)));
    }
    qmp.emplace(std::move(*connected));
    const json usernet = TRY(qmp->execute("human-monitor-command", {{"command-line", "info usernet"}}));
    ports = parse_forwards(usernet.is_string() ? usernet.get<std::string>() : "");
    return {};
}

Status Machine::State::load_memory() {
    TRY(prepare_migration(*qmp));
    TRY(qmp->execute("migrate-incoming", {{"uri", "file:" + snapshot->memory().string()}}));
    return await_migration(*qmp).within("load " + snapshot->path().string() + " (" + qemu_log.string() + " says more)");
}

Status Machine::State::save_memory(const fs::path &file) {
    TRY(qmp->execute("stop"));
    TRY(prepare_migration(*qmp));
    TRY(qmp->execute("migrate", {{"uri", "file:" + file.string()}}));
    TRY(await_migration(*qmp));
    // Only the end of QEMU says that the overlay holds everything.
    TRY(qmp->execute("quit"));
    return wait_for_end(kQemuStart);
}

Status Machine::State::cont() {
    TRY(qmp->execute("cont"));
    return {};
}

Status Machine::State::wait_ready() {
    if (!qemu) {
        return fail(ENOTCONN, "the machine's power is off");
    }
    for (int attempt = 1;; ++attempt) {
        const BootWatch watch{files.ready, files.serial_log, serial_offset, boot_id, options.panic_is_fatal};
        Result<std::string> booted = wait_for_boot(watch, qemu->pidfd(), options.ready_timeout);
        if (booted.has_value()) {
            boot_id = std::move(*booted);
            return {};
        }
        if (booted.error().code == ETIMEDOUT) {
            booted.error().message += processor_state(*qmp); // it may have hung before it could print anything
        }
        if (booted.error().code != EAGAIN || attempt == kBootAttempts) {
            return std::unexpected(std::move(booted).error());
        }
        serial_offset = serial_size();
        TRY(qmp->execute("system_reset"));
    }
}

std::uint64_t Machine::State::serial_size() const {
    std::error_code error;
    const std::uint64_t size = fs::file_size(files.serial_log, error);
    return error ? 0 : size;
}

} // namespace ballast::vm
