// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "agent/pods/spec.h"

namespace ballast::agent {

enum class ProbeKind : std::uint8_t { kStartup, kLiveness, kReadiness };
std::string_view name_of(ProbeKind kind); // "Liveness"

// What one probe of one container has found so far, and when it is due: its thresholds, without the probing.
class ProbeWatch {
  public:
    using Time = std::chrono::nanoseconds; // since 1970

    // `started`: when its container was.
    ProbeWatch(ProbeKind kind, const Probe &probe, Time started);

    // A probe that found what it is for is not due any more: startup that has succeeded, and, for a container that is
    // to be started again, startup or liveness that has failed.
    bool over() const;
    Time due() const { return due_; }
    // It is being probed since `now`; the next time is a period later.
    void probing(Time now);
    // What came of it. True: the verdict has changed by it.
    bool found(bool well);

    ProbeKind kind() const { return kind_; }
    const Probe &probe() const { return probe_; }
    // Success or failure, as often in a row as the thresholds want. Before the first verdict a container is alive, not
    // ready and not started.
    bool well() const { return well_; }
    bool judged() const { return judged_; }

  private:
    ProbeKind kind_;
    Probe probe_;
    Time due_;
    int in_a_row_ = 0;
    bool last_ = false; // of what is counted
    bool well_;
    bool judged_ = false;
};

} // namespace ballast::agent
