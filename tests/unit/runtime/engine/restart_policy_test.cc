// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/restart_policy.h"

namespace ballast::engine {

using namespace std::chrono_literals;
using Kind = RestartPolicy::Kind;

TEST_CASE("the wait before a restart doubles up to a minute, and starts anew after ten seconds of work", "[engine]") {
    RestartBackoff backoff;
    CHECK(backoff.next(1s) == 100ms);
    CHECK(backoff.next(1s) == 200ms);
    CHECK(backoff.next(9s) == 400ms);
    for (int count = 0; count < 20; count++) {
        (void)backoff.next(0s);
    }
    CHECK(backoff.next(0s) == 60s);
    CHECK(backoff.next(10s) == 100ms);
    CHECK(backoff.next(1s) == 200ms);
}

TEST_CASE("policies restart what they say, right away and with the daemon", "[engine]") {
    const Exit failed{.code = 1, .manually_stopped = false, .restarts = 0};
    const Exit well{.code = 0, .manually_stopped = false, .restarts = 0};
    const Exit stopped{.code = 143, .manually_stopped = true, .restarts = 0};
    struct Row {
        Kind kind;
        bool after_failure, after_success, after_stop, daemon_after_stop;
    };
    for (const Row &row :
         {Row{Kind::kNo, false, false, false, false}, Row{Kind::kAlways, true, true, false, true},
          Row{Kind::kUnlessStopped, true, true, false, false}, Row{Kind::kOnFailure, true, false, false, false}}) {
        const RestartPolicy policy{.kind = row.kind, .maximum_retry_count = 0};
        INFO(static_cast<int>(row.kind));
        CHECK(should_restart(policy, failed) == row.after_failure);
        CHECK(should_restart(policy, well) == row.after_success);
        CHECK(should_restart(policy, stopped) == row.after_stop);
        CHECK(should_start_with_daemon(policy, stopped) == row.daemon_after_stop);
    }
}

TEST_CASE("on-failure gives up after as many restarts as were asked for", "[engine]") {
    const RestartPolicy policy{.kind = Kind::kOnFailure, .maximum_retry_count = 3};
    CHECK(should_restart(policy, {.code = 1, .manually_stopped = false, .restarts = 2}));
    CHECK_FALSE(should_restart(policy, {.code = 1, .manually_stopped = false, .restarts = 3}));
}

} // namespace ballast::engine
