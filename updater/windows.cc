// SPDX-License-Identifier: Apache-2.0
#include "updater/windows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/quote.h"
#include "base/subprocess.h"
#include "base/trimmed.h"

namespace ballast::updater {
namespace {

using std::chrono::seconds;

constexpr std::array kUnits = std::to_array<std::pair<std::string_view, seconds>>({
    {"d", std::chrono::days(1)},
    {"h", std::chrono::hours(1)},
    {"min", std::chrono::minutes(1)},
    {"s", seconds(1)},
});

// "Sat 2026-11-28 01:00:00 UTC"
std::optional<std::int64_t> parse_time(const std::string &text) {
    std::tm time{};
    const char *end = ::strptime(text.c_str(), "%a %Y-%m-%d %H:%M:%S UTC", &time);
    return end != nullptr && *end == '\0' ? std::optional<std::int64_t>(::timegm(&time)) : std::nullopt;
}

} // namespace

Result<std::optional<std::int64_t>> next_elapse(const std::string &expression, std::int64_t base) {
    const Completed completed =
        TRY(run({.arguments = {"systemd-analyze", "calendar", "--base-time=@" + std::to_string(base), "--", expression},
                 .environment = {{"TZ", "UTC"}, {"LC_ALL", "C"}, {"SYSTEMD_COLORS", "0"}},
                 .timeout = std::chrono::seconds(30)}));
    if (completed.status != 0) {
        return fail(EINVAL, "not a calendar expression: " + quote(expression) + ": " +
                                std::string(trimmed(completed.errors, " \t\n")));
    }
    constexpr std::string_view kLabel = "Next elapse:";
    const std::size_t label = completed.output.find(kLabel);
    if (label == std::string::npos) {
        return fail(EPROTO, "systemd-analyze calendar says no time: " + quote(completed.output));
    }
    const std::size_t start = label + kLabel.size();
    const std::string text(
        trimmed(std::string_view(completed.output).substr(start, completed.output.find('\n', start) - start), " \t\n"));
    if (text == "never") {
        return std::optional<std::int64_t>();
    }
    const std::optional<std::int64_t> time = parse_time(text);
    if (!time) {
        return fail(EPROTO, "systemd-analyze calendar says a time that cannot be read: " + quote(text));
    }
    return time;
}

Result<WindowView> look_at_windows(const std::vector<Window> &windows, std::int64_t now) {
    WindowView view;
    for (const Window &window : windows) {
        // The last start that could still have the window open; starts that lie closer extend it.
        std::optional<std::int64_t> start = TRY(next_elapse(window.start, now - window.length.count()));
        const bool open = start && *start <= now;
        if (open) {
            const std::int64_t closes = *start + window.length.count();
            view.changes = view.open ? std::max(view.changes.value_or(closes), closes) : closes;
            view.open = true;
        } else if (!view.open && start) {
            view.changes = std::min(view.changes.value_or(*start), *start);
        }
    }
    return view;
}

std::optional<seconds> parse_duration(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const auto *found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, seconds>::first);
    constexpr std::int64_t kMost = 366;
    if (error != std::errc() || found == kUnits.end() || number < 0 ||
        number > seconds(std::chrono::days(kMost)) / found->second) {
        return std::nullopt;
    }
    return number * found->second;
}

std::string duration_text(seconds duration) {
    for (const auto &[name, unit] : kUnits) {
        if (duration >= unit && duration % unit == seconds(0)) {
            return std::to_string(duration / unit) + std::string(name);
        }
    }
    return std::to_string(duration.count()) + "s";
}

} // namespace ballast::updater
