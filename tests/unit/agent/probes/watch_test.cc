// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/watch.h"

#include "tests/unit/check.h"

using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

Probe probe(int successes, int failures) {
    Probe made;
    made.initial_delay = 5s;
    made.success_threshold = successes;
    made.failure_threshold = failures;
    return made;
}

} // namespace

TEST_CASE("a probe is due after its delay and then in its period", "[agent]") {
    ProbeWatch watch(ProbeKind::kReadiness, probe(1, 3), 100s);
    REQUIRE(watch.due() == 105s);
    watch.probing(107s);
    REQUIRE(watch.due() == 117s);
}

TEST_CASE("before its first verdict a container is alive, not ready and not started", "[agent]") {
    REQUIRE(ProbeWatch(ProbeKind::kLiveness, probe(1, 3), 0s).well());
    REQUIRE_FALSE(ProbeWatch(ProbeKind::kReadiness, probe(1, 3), 0s).well());
    REQUIRE_FALSE(ProbeWatch(ProbeKind::kStartup, probe(1, 3), 0s).well());
}

TEST_CASE("a verdict takes as many results in a row as its threshold says", "[agent]") {
    ProbeWatch watch(ProbeKind::kReadiness, probe(2, 3), 0s);
    REQUIRE_FALSE(watch.found(true));
    REQUIRE_FALSE(watch.found(false));
    REQUIRE_FALSE(watch.found(true));
    REQUIRE(watch.found(true));
    REQUIRE(watch.well());
    REQUIRE_FALSE(watch.found(true)); // nothing new
    REQUIRE_FALSE(watch.found(false));
    REQUIRE_FALSE(watch.found(false));
    REQUIRE(watch.well());
    REQUIRE(watch.found(false));
    REQUIRE_FALSE(watch.well());
    REQUIRE_FALSE(watch.over()); // readiness is asked as long as the container runs
}

TEST_CASE("startup is over with its verdict, liveness with a failure", "[agent]") {
    ProbeWatch startup(ProbeKind::kStartup, probe(1, 2), 0s);
    REQUIRE_FALSE(startup.found(false));
    REQUIRE_FALSE(startup.over());
    REQUIRE(startup.found(true));
    REQUIRE(startup.over());
    ProbeWatch liveness(ProbeKind::kLiveness, probe(1, 2), 0s);
    REQUIRE(liveness.found(true));
    REQUIRE_FALSE(liveness.over());
    REQUIRE_FALSE(liveness.found(false));
    REQUIRE(liveness.found(false));
    REQUIRE(liveness.over());
}
