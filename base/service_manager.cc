// SPDX-License-Identifier: Apache-2.0
#include "base/service_manager.h"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <format>
#include <string_view>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

namespace ballast::service {
namespace {

constexpr std::string_view kUnnamed = "unknown"; // sd_listen_fds_with_names(3), without LISTEN_FDNAMES

// Not told is not wrong: without systemd there is nobody to tell.
void tell(const std::string &state) { (void)sd_notify(0, state.c_str()); }

// Of a socket unit, by the name that systemd gives its sockets. Never one that was kept: those are of containers, where
// the API must not be heard, and some of them listen as well.
bool is_listener(std::string_view name, BorrowedFd fd) {
    const bool of_unit = name.ends_with(".socket") || name == kUnnamed;
    return of_unit && sd_is_socket(fd.get(), AF_UNSPEC, SOCK_STREAM, 1) > 0;
}

} // namespace

Result<Inherited> take_inherited() {
    char **names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    if (count < 0) {
        return fail_errno("take descriptors from systemd", -count);
    }
    Inherited inherited;
    for (int place = 0; place < count; place++) {
        Fd fd(SD_LISTEN_FDS_START + place);
        (void)fcntl(fd.get(), F_SETFD, FD_CLOEXEC); // systemd's library has done so; it cannot fail
        if (is_listener(names[place], fd)) {
            inherited.listeners.push_back(std::move(fd));
        } else {
            inherited.kept.insert_or_assign(names[place], std::move(fd));
        }
    }
    for (int place = 0; place < count; place++) {
        std::free(names[place]);
    }
    std::free(static_cast<void *>(names));
    return inherited;
}

Result<Fd> take_signals(std::initializer_list<int> numbers) {
    sigset_t signals{};
    sigemptyset(&signals);
    for (const int number : numbers) {
        sigaddset(&signals, number);
    }
    if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) {
        return fail_errno("block signals");
    }
    Fd fd(signalfd(-1, &signals, SFD_CLOEXEC));
    if (!fd.is_open()) {
        return fail_errno("signalfd");
    }
    return fd;
}

void ready(const std::string &status) { tell("READY=1\nSTATUS=" + status); }

void reloading() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // always there
    constexpr std::int64_t kMicroseconds = 1'000'000;
    tell(std::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * kMicroseconds + now.tv_nsec / 1000));
}

void status(const std::string &status) { tell("STATUS=" + status); }

void stopping(const std::string &status) { tell("STOPPING=1\nSTATUS=" + status); }

void alive() { tell("WATCHDOG=1"); }

std::optional<std::chrono::microseconds> watchdog_time() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) {
        return std::nullopt;
    }
    return std::chrono::microseconds(microseconds / 2); // as sd_watchdog_enabled(3) advises
}

void keep(const std::string &name, BorrowedFd fd) {
    const int number = fd.get();
    // FDPOLL=0: a pipe whose writer is gone may still hold what it wrote.
    (void)sd_pid_notify_with_fds(0, 0, ("FDSTORE=1\nFDPOLL=0\nFDNAME=" + name).c_str(), &number, 1);
}

void forget(const std::string &name) { tell("FDSTOREREMOVE=1\nFDNAME=" + name); }

} // namespace ballast::service
