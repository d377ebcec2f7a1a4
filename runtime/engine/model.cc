// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/model.h"

#include <algorithm>
#include <array>

namespace ballast::engine {
namespace {

constexpr std::array kNames = std::to_array<std::pair<Phase, const char *>>({
    {Phase::kCreated, "created"},
    {Phase::kRunning, "running"},
    {Phase::kPaused, "paused"},
    {Phase::kRestarting, "restarting"},
    {Phase::kRemoving, "removing"},
    {Phase::kExited, "exited"},
    {Phase::kDead, "dead"},
});

} // namespace

const char *phase_name(Phase phase) {
    return std::ranges::find(kNames, phase, &decltype(kNames)::value_type::first)->second;
}

std::optional<Phase> phase_of(std::string_view name) {
    const auto *found = std::ranges::find_if(kNames, [name](const auto &entry) { return name == entry.second; });
    return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

} // namespace ballast::engine
