// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Times at which the machine may restart: systemd's calendar expressions (systemd.time(7)), with time zones, each the
// start of a window of some length. systemd-analyze(1) computes them: docs/decisions/0008-windows-by-systemd.md.
namespace ballast::updater {

struct Window {
    std::string start; // "Sat,Sun 02:00 Europe/Berlin"
    std::chrono::seconds length{};

    bool operator==(const Window &) const = default;
};

// The first time after `base` (seconds since the epoch) that the expression names; nothing: never again. EINVAL when
// it is no calendar expression, with systemd's words.
Result<std::optional<std::int64_t>> next_elapse(const std::string &expression, std::int64_t base);

struct WindowView {
    bool open = false;
    std::optional<std::int64_t> changes = {}; // when the window closes, or the next one opens; nothing: never
};

// Of several windows the one that closes last, or that opens next. No windows: never open.
Result<WindowView> look_at_windows(const std::vector<Window> &windows, std::int64_t now);

// "30s", "15min", "6h", "1d". Nothing for other forms and for more than a year.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
std::string duration_text(std::chrono::seconds duration); // in the largest unit that divides it

} // namespace ballast::updater
