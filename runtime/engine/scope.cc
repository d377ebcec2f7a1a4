// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/scope.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/subprocess.h"
#include "runtime/engine/names.h"
#include "runtime/monitor/settings.h"

namespace ballast::engine {
namespace {

namespace fs = std::filesystem;
using isolate::UnitProperty;

constexpr int kThereAlready = 3; // exit status of ballast-oci-scope
constexpr std::string_view kPrefix = "ballast-", kScope = ".scope", kSlice = ".slice";
const std::string kCgroups = "/sys/fs/cgroup";
// Comes after ballastd and whatever containers need. Not ballastd itself: a container may be started while that
// restarts.
constexpr const char *kContainers = "ballast-containers.target";
// At a shutdown containers end after it: what comes after it (what runs is recorded there) still finds them.
constexpr const char *kSystem = "multi-user.target";
constexpr std::chrono::seconds kOfMonitor{15}; // for the rest of the output, a syslog server and the record

// "a-b.slice" is in "a.slice": systemd.slice(5).
Result<std::string> slice_directory(const std::string &slice) {
    const bool named = slice.ends_with(kSlice) && slice.size() > kSlice.size() && !slice.contains('/') &&
                       !slice.starts_with('-') && !slice.contains("--") && !slice.ends_with("-.slice") &&
                       isolate::is_scope_name(slice.substr(0, slice.size() - kSlice.size()) + ".scope");
    if (!named) {
        return fail(EINVAL, "cgroup-parent for systemd cgroup should be a valid slice named as \"xxx.slice\", have " +
                                quote(slice));
    }
    const std::string stem = slice.substr(0, slice.size() - kSlice.size());
    std::string path;
    for (std::size_t dash = stem.find('-'); dash != std::string::npos; dash = stem.find('-', dash + 1)) {
        path.append("/").append(stem, 0, dash).append(kSlice);
    }
    return path + "/" + slice;
}

// Slices stand in slices; a scope's own directories are its container's.
void find_below(const fs::path &cgroups, const fs::path &slice, std::map<std::string, ScopePlan> &found) {
    std::error_code error; // what cannot be read is gone
    for (fs::directory_iterator entry(cgroups / slice, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (name.ends_with(kSlice)) {
            find_below(cgroups, slice / name, found);
        } else if (name.starts_with(kPrefix) && name.ends_with(kScope)) {
            const std::string id = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kScope.size());
            if (is_id(id)) {
                found.emplace(id, ScopePlan{.unit = name, .slice = slice.filename(), .cgroup = "/" / slice / name});
            }
        }
    }
}

Result<Completed> ask(const std::string &program, const char *verb, const ScopePlan &plan, std::string input) {
    return run({.arguments = {program, verb, plan.unit, "--system"}, .input = std::move(input)});
}

} // namespace

Result<ScopePlan> plan_scope(const std::string &id, const std::string &parent) {
    const std::string slice = parent.empty() ? "system.slice" : parent;
    const std::string unit = std::string(kPrefix) + id + std::string(kScope);
    return ScopePlan{.unit = unit, .slice = slice, .cgroup = TRY(slice_directory(slice)) + "/" + unit};
}

std::vector<UnitProperty> scope_properties(const ScopePlan &plan, const ScopeContents &contents) {
    std::vector<UnitProperty> properties = {
        {.name = "Description", .type = "s", .words = {contents.description}},
        {.name = "Slice", .type = "s", .words = {plan.slice}},
        {.name = "Delegate", .type = "b", .words = {"true"}},
        {.name = "After", .type = "as", .words = {kContainers}},
        {.name = "Before", .type = "as", .words = {kSystem}},
        {.name = "KillSignal", .type = "i", .words = {std::to_string(monitor::kStop)}},
        {.name = "CollectMode", .type = "s", .words = {"inactive-or-failed"}},
        {.name = "OOMPolicy", .type = "s", .words = {"continue"}},
        {.name = "PIDs", .type = "au", .words = {std::to_string(contents.first)}},
    };
    if (contents.stop_seconds >= 0) {
        const std::chrono::microseconds patience = std::chrono::seconds(contents.stop_seconds) + kOfMonitor;
        properties.push_back({.name = "TimeoutStopUSec", .type = "t", .words = {std::to_string(patience.count())}});
    }
    return properties;
}

Status start_scope(const std::string &program, const ScopePlan &plan, const ScopeContents &contents) {
    const std::string request = isolate::encode(scope_properties(plan, contents));
    Completed done = TRY(ask(program, "start", plan, request));
    if (done.status == kThereAlready) {
        TRY(stop_scope(program, plan));
        done = TRY(ask(program, "start", plan, request));
    }
    return done.status == 0 ? Status() : fail(EIO, "start scope " + plan.unit + ": " + escaped(done.errors));
}

Status stop_scope(const std::string &program, const ScopePlan &plan) {
    // Nothing in it is to be asked first. ENOENT: nothing is in it.
    if (const Status killed = write_file(kCgroups + plan.cgroup + "/cgroup.kill", "1");
        !killed && killed.error().code != ENOENT) {
        return killed;
    }
    const Completed done = TRY(ask(program, "stop", plan, ""));
    return done.status == 0 ? Status() : fail(EIO, "stop scope " + plan.unit + ": " + escaped(done.errors));
}

std::map<std::string, ScopePlan> find_scopes(const fs::path &cgroups) {
    std::map<std::string, ScopePlan> found;
    find_below(cgroups, {}, found);
    return found;
}

} // namespace ballast::engine
