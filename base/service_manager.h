// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// What systemd gives a service and wants to hear from it (sd_listen_fds(3), sd_notify(3)). Without systemd all of it is
// empty and does nothing.
namespace ballast::service {

struct Inherited {
    std::vector<Fd> listeners;      // of the socket unit
    std::map<std::string, Fd> kept; // from the descriptor store, by the names that keep() gave them
};
// Once, before threads start: it takes the descriptors and clears the environment.
Result<Inherited> take_inherited();

// By which it asks a service to end or to read its configuration again: a descriptor as of signalfd(2). Before any
// thread starts, so that all of them leave these signals to who reads it.
Result<Fd> take_signals(std::initializer_list<int> numbers);

void ready(const std::string &status);
void reloading();
void status(const std::string &status); // one line for people
void stopping(const std::string &status);
void alive(); // for the watchdog
// How often alive() is due; nothing: no watchdog.
std::optional<std::chrono::microseconds> watchdog_time();

// Puts a copy into the descriptor store, which survives this process. Names hold no colons and at most 255 bytes, and
// do not end as those of socket units do.
void keep(const std::string &name, BorrowedFd fd);
void forget(const std::string &name);

} // namespace ballast::service
