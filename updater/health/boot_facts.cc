// SPDX-License-Identifier: Apache-2.0
#include "updater/health/boot_facts.h"

#include <algorithm>
#include <charconv>
#include <ranges>

#include "base/file_io.h"
#include "base/log.h"
#include "updater/boot_result.h"
#include "updater/grub_environment.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;

template <typename Number>
Number number_of(std::string_view text) {
    Number number{};
    (void)std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::size_t menu_entries(const fs::path &root) {
    std::error_code none; // no menu: nothing to go back to
    std::size_t count = 0;
    for (const auto &entry : fs::directory_iterator(root / "boot/loader/entries", none)) {
        count += entry.path().extension() == ".conf" ? 1 : 0;
    }
    return count;
}

void read_counter(const fs::path &root, BootFacts &facts) {
    const Result<GrubEnvironment> environment = read_environment(root / "boot/grub2/grubenv");
    if (!environment.has_value()) {
        log::warning("read the boot counter: " + environment.error().message + ", ignoring");
        return;
    }
    const std::string trial = environment->get("trial").value_or("");
    const auto tries = number_of<unsigned>(environment->get("tries").value_or("0"));
    if (!trial.empty() && trial != facts.deployment) {
        facts.given_up = trial;
        facts.given_up_tries = tries;
    }
    facts.on_trial = trial == facts.deployment && environment->get("good") != facts.deployment;
    facts.tries_left = facts.on_trial ? tries : 0;
}

} // namespace

std::string os_release_value(std::string_view text, std::string_view name) {
    for (const auto part : std::views::split(text, '\n')) {
        std::string_view line(part.begin(), part.end());
        if (!line.starts_with(name) || !line.substr(name.size()).starts_with('=')) {
            continue;
        }
        line.remove_prefix(name.size() + 1);
        if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') && line.back() == line.front()) {
            line = line.substr(1, line.size() - 2);
        }
        return std::string(line);
    }
    return {};
}

Result<BootFacts> look_at_boot(const fs::path &root) {
    BootFacts facts;
    facts.boot = read_file(root / "proc/sys/kernel/random/boot_id").value_or("");
    std::erase_if(facts.boot, [](char letter) { return letter == '-' || letter == '\n'; });
    const std::string release = read_file(root / "usr/lib/os-release").value_or("");
    facts.version = os_release_value(release, "VERSION_ID");
    facts.built = number_of<std::int64_t>(os_release_value(release, "BALLAST_EPOCH"));
    Result<std::string> id = running_deployment(TRY(read_file(root / "proc/cmdline")));
    if (!id.has_value() && id.error().code == ENOENT) {
        return facts;
    }
    facts.deployment = TRY(std::move(id));
    facts.has_other = menu_entries(root) > 1;
    read_counter(root, facts);
    return facts;
}

Outcome outcome_of(const BootFacts &boot, const std::vector<CheckResult> &checks) {
    const bool failed =
        std::ranges::any_of(checks, [](const CheckResult &check) { return check.required && !check.passed; });
    if (!failed) {
        return Outcome::kPassed;
    }
    return boot.on_trial && boot.has_other ? Outcome::kRestarting : Outcome::kFailed;
}

} // namespace ballast::updater::health
