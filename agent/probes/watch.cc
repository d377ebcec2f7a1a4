// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/watch.h"

#include <array>

namespace ballast::agent {

std::string_view name_of(ProbeKind kind) {
    constexpr std::array kNames = std::to_array<std::string_view>({"Startup", "Liveness", "Readiness"});
    return kNames.at(static_cast<std::size_t>(kind));
}

ProbeWatch::ProbeWatch(ProbeKind kind, const Probe &probe, Time started)
    : kind_(kind), probe_(probe), due_(started + probe.initial_delay), well_(kind == ProbeKind::kLiveness) {}

bool ProbeWatch::over() const {
    switch (kind_) {
    case ProbeKind::kStartup:
        return judged_;
    case ProbeKind::kLiveness:
        return judged_ && !well_;
    case ProbeKind::kReadiness:
        break;
    }
    return false;
}

void ProbeWatch::probing(Time now) { due_ = now + probe_.period; }

bool ProbeWatch::found(bool well) {
    in_a_row_ = in_a_row_ > 0 && last_ == well ? in_a_row_ + 1 : 1;
    last_ = well;
    if (in_a_row_ < (well ? probe_.success_threshold : probe_.failure_threshold)) {
        return false;
    }
    const bool changed = !judged_ || well_ != well;
    well_ = well;
    judged_ = true;
    return changed;
}

} // namespace ballast::agent
