// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "updater/updater_config.h"
#include "updater/windows.h"

// May the machine restart into what is prepared? An ordered list of policies, each one sentence. Pure.
namespace ballast::updater {

// All that policies look at.
struct Moment {
    Strategy strategy = Strategy::kManual;
    bool insisted = false; // an operator asks for the restart now
    bool on_trial = false; // the running system has not proven itself yet
    bool has_windows = false;
    WindowView window = {};
    bool lock_held = false;
    std::string lock_refusal = {};  // what the lock's server said last
    std::string drain_refusal = {}; // why the workloads did not leave
};

struct Policy {
    std::string_view sentence;
    // What there is to wait for; nothing: go on to the next policy.
    std::optional<std::string> (*wait)(const Moment &moment);
};

// In this order. An operator who insists is held back by the first and the last alone.
std::span<const Policy> policies();

// All reasons, in the policies' order; none: the machine may restart. `with_lock` false leaves the lock out of it: what
// must hold before it is worth asking for.
std::vector<std::string> reasons_to_wait(const Moment &moment, bool with_lock = true);

// "2026-11-28 01:00 UTC"
std::string time_text(std::int64_t seconds);

} // namespace ballast::updater
