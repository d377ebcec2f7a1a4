// SPDX-License-Identifier: Apache-2.0
#include "updater/windows.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t at(std::chrono::year_month_day day, std::chrono::seconds time) {
    return (std::chrono::sys_days(day) + time).time_since_epoch() / 1s;
}

constexpr std::chrono::year_month_day kSaturday = std::chrono::year(2026) / 11 / 28;
constexpr std::chrono::year_month_day kSummer = std::chrono::year(2026) / 7 / 4; // a Saturday, too

} // namespace

TEST_CASE("the next time of a calendar expression comes with its time zone", "[updater]") {
    REQUIRE(must(next_elapse("Sat 02:00 UTC", at(kSaturday, 0h))) == at(kSaturday, 2h));
    REQUIRE(must(next_elapse("Sat 02:00 Europe/Berlin", at(kSaturday, 0h))) == at(kSaturday, 1h));
    REQUIRE(must(next_elapse("Sat 02:00 Europe/Berlin", at(kSummer, -1h))) == at(kSummer, 0h));
    REQUIRE_FALSE(must(next_elapse("2020-01-01 00:00 UTC", at(kSaturday, 0h))).has_value());
}

TEST_CASE("what is no calendar expression is refused by systemd's words", "[updater]") {
    for (const char *expression : {"", "25:00", "Sat 02:00 Nowhere/City", "--help", "daily; reboot"}) {
        INFO(expression);
        const Error error = error_of(next_elapse(expression, 0));
        REQUIRE(error.code == EINVAL);
        REQUIRE(error.message.starts_with("not a calendar expression: "));
    }
}

TEST_CASE("a window is open from its start for its length, both ends exact", "[updater]") {
    const std::vector<Window> windows = {{"Sat 02:00 UTC", 4h}};
    for (const auto &[time, open, changes] : {std::tuple{at(kSaturday, 2h - 1s), false, at(kSaturday, 2h)},
                                              {at(kSaturday, 2h), true, at(kSaturday, 6h)},
                                              {at(kSaturday, 6h - 1s), true, at(kSaturday, 6h)},
                                              {at(kSaturday, 6h), false, at(kSaturday, 2h) + 7 * 86400}}) {
        INFO(time);
        const WindowView view = must(look_at_windows(windows, time));
        REQUIRE(view.open == open);
        REQUIRE(view.changes == changes);
    }
}

TEST_CASE("of several windows the one that closes last or opens first counts", "[updater]") {
    const std::vector<Window> windows = {{"Sat 02:00 UTC", 2h}, {"Sat 03:00 UTC", 4h}, {"2020-01-01 UTC", 1h}};
    const WindowView inside = must(look_at_windows(windows, at(kSaturday, 3h + 30min)));
    REQUIRE(inside.open);
    REQUIRE(inside.changes == at(kSaturday, 7h));
    const WindowView before = must(look_at_windows(windows, at(kSaturday, 1h)));
    REQUIRE_FALSE(before.open);
    REQUIRE(before.changes == at(kSaturday, 2h));
    const WindowView never = must(look_at_windows({{"2020-01-01 UTC", 1h}}, at(kSaturday, 1h)));
    REQUIRE_FALSE(never.open);
    REQUIRE_FALSE(never.changes.has_value());
    REQUIRE_FALSE(must(look_at_windows({}, 0)).open);
}

TEST_CASE("durations have one number and one unit", "[updater]") {
    REQUIRE(parse_duration("30s") == 30s);
    REQUIRE(parse_duration("15min") == 15min);
    REQUIRE(parse_duration("6h") == 6h);
    REQUIRE(parse_duration("7d") == 168h);
    for (const char *text : {"", "6", "h", "-1h", "1.5h", "1h30min", "1 h", "9999999999d", "99999999999999999999s"}) {
        INFO(text);
        REQUIRE_FALSE(parse_duration(text).has_value());
    }
    REQUIRE(duration_text(90min) == "90min");
    REQUIRE(duration_text(24h) == "1d");
    REQUIRE(duration_text(61s) == "61s");
    REQUIRE(duration_text(0s) == "0s");
}
