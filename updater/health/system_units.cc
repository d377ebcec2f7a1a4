// SPDX-License-Identifier: Apache-2.0
#include "updater/health/system_units.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <ranges>
#include <sstream>

#include "base/json/json_cursor.h"
#include "base/lines.h"
#include "base/subprocess.h"
#include "updater/health/report.h"

namespace ballast::updater::health {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kMostUnitLines = 30;
constexpr std::size_t kMostBoots = 12; // that are looked through for a deployment

Result<std::string> ask(std::vector<std::string> arguments) {
    return run_checked({.arguments = std::move(arguments), .timeout = kPatience});
}

std::vector<std::string> journal(std::vector<std::string> arguments, std::size_t most) {
    std::vector<std::string> command{"journalctl",         "--quiet",
                                     "--no-pager",         "--no-hostname",
                                     "--output=short-iso", "--lines=" + std::to_string(most)};
    std::ranges::move(arguments, std::back_inserter(command));
    const Result<std::string> text = ask(std::move(command));
    return text.has_value() ? lines_of(*text) : std::vector<std::string>{};
}

unsigned number_of(std::string_view text) {
    unsigned number = 0; // "[not set]" and the like are none
    (void)std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// Only what runs, starts or stops can have been restarted meanwhile.
bool may_restart(const Unit &unit) {
    return unit.name.ends_with(".service") && unit.state != "inactive" && unit.state != "failed" &&
           unit.sub_state != "exited";
}

} // namespace

Result<std::vector<Unit>> parse_units(const std::string &list) {
    JsonDocument document = TRY(JsonDocument::parse(list, "systemctl list-units"));
    std::vector<Unit> units;
    for (const JsonCursor one : JsonCursor(document).items()) {
        units.push_back(
            {.name = one.need("unit").text(), .state = one.need("active").text(), .sub_state = one.need("sub").text()});
    }
    TRY(document.status());
    return units;
}

void take_details(std::vector<Unit> &units, std::string_view text) {
    std::map<std::string_view, std::string_view> block; // they come in systemd's order, not in ours
    const auto end_block = [&] {
        const auto unit = std::ranges::find(units, block["Id"], &Unit::name);
        if (unit != units.end()) {
            unit->restarts = number_of(block["NRestarts"]);
            unit->operators = block["FragmentPath"].starts_with("/etc/") && block["UnitFileState"] == "enabled";
        }
        block.clear();
    };
    for (const auto part : std::views::split(text, '\n')) {
        const std::string_view line(part.begin(), part.end());
        const std::size_t equals = line.find('=');
        if (line.empty()) {
            end_block();
        } else if (equals != std::string_view::npos) {
            block[line.substr(0, equals)] = line.substr(equals + 1);
        }
    }
    end_block();
}

bool tells_of_finished(std::string_view text) {
    const auto says = [lines = lines_of(text)](const char *line) { return std::ranges::contains(lines, line); };
    return says("Result=success") && says("ExecMainCode=1") && says("ExecMainStatus=0") && !says("Restart=always") &&
           !says("Restart=on-success"); // 1: CLD_EXITED
}

// To show a unit, systemd sends all that it knows of it: on a small machine that takes a second for ten of them.
Result<std::vector<Unit>> all_units() {
    std::vector<Unit> units =
        TRY(parse_units(TRY(ask({"systemctl", "list-units", "--all", "--full", "--no-pager", "--output=json"}))));
    std::vector<std::string> show{"systemctl", "show", "--property=Id,NRestarts,FragmentPath,UnitFileState", "--"};
    const std::size_t options = show.size();
    for (const Unit &unit : units | std::views::filter(may_restart)) {
        show.push_back(unit.name);
    }
    if (show.size() > options) {
        take_details(units, TRY(ask(std::move(show))));
    }
    return units;
}

Result<bool> is_unit_enabled(const std::string &unit) {
    const Completed done =
        TRY(run({.arguments = {"systemctl", "is-enabled", "--quiet", "--", unit}, .timeout = kPatience}));
    return done.status == 0;
}

bool has_unit_finished(const std::string &unit) {
    const Result<std::string> shown =
        ask({"systemctl", "show", "--property=Result,ExecMainCode,ExecMainStatus,Restart", "--", unit});
    return shown.has_value() && tells_of_finished(*shown);
}

Result<std::vector<std::string>> queued_jobs() {
    std::vector<std::string> jobs;
    for (const std::string &line : lines_of(TRY(ask({"systemctl", "list-jobs", "--no-legend", "--no-pager"})))) {
        std::istringstream words(line);
        std::string number, unit, type, state;
        words >> number >> unit >> type >> state;
        jobs.push_back(unit + " (" + type + ", " + state + ")");
    }
    return jobs;
}

Status request_restart() {
    (void)TRY(ask({"systemctl", "--no-block", "--job-mode=replace-irreversibly", "start", "reboot.target"}));
    return {};
}

std::vector<std::string> unit_journal(const std::string &unit) {
    return journal({"--boot", "--unit=" + unit}, kMostUnitLines);
}

std::vector<std::string> boot_journal(const std::string &boot) {
    std::vector<std::string> errors = journal({"--boot=" + boot, "--priority=err"}, kMostLines);
    return errors.empty() ? journal({"--boot=" + boot}, kMostUnitLines) : errors;
}

std::string boot_with(const std::string &word) {
    const Result<std::string> list = ask({"journalctl", "--quiet", "--list-boots", "--output=json"});
    Result<JsonDocument> document =
        list.has_value() ? JsonDocument::parse(*list, "journalctl --list-boots") : std::unexpected(list.error());
    if (!document.has_value()) {
        return {};
    }
    std::vector<std::string> boots; // oldest first, as journalctl lists them
    for (const JsonCursor boot : JsonCursor(*document).items()) {
        boots.push_back(boot.at("boot_id").text());
    }
    for (const std::string &boot : boots | std::views::reverse | std::views::take(kMostBoots)) {
        const Result<std::string> kernel =
            ask({"journalctl", "--quiet", "--no-pager", "--output=cat", "--boot=" + boot, "_TRANSPORT=kernel"});
        if (kernel.has_value() && kernel->contains(word)) {
            return boot;
        }
    }
    return {};
}

} // namespace ballast::updater::health
