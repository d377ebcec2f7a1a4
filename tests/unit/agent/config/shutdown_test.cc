// SPDX-License-Identifier: Apache-2.0
#include "agent/config/shutdown.h"

#include "agent/config/kubelet_config.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

using Periods = std::vector<ShutdownPeriod>;

const std::string kHead = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

Periods parsed(const std::string &text) { return must(parse_kubelet_config(kHead + text, "f")).shutdown.periods(); }
std::string refused(const std::string &text) { return error_of(parse_kubelet_config(kHead + text, "f")).message; }

} // namespace

TEST_CASE("how long pods have when the machine is shut down is read as kubelet reads it", "[agent]") {
    CHECK(parsed("").empty());
    CHECK(parsed("shutdownGracePeriod: 0s\nshutdownGracePeriodCriticalPods: 0s\n").empty());
    CHECK(parsed("shutdownGracePeriod: 30s\nshutdownGracePeriodCriticalPods: 10s\n") ==
          Periods{{0, 20s}, {2'000'000'000, 10s}});
    const Periods by_priority =
        parsed("shutdownGracePeriodByPodPriority:\n- {priority: 10000, shutdownGracePeriodSeconds: 20}\n"
               "- {priority: -5, shutdownGracePeriodSeconds: 60}\n");
    CHECK(by_priority == Periods{{-5, 60s}, {10000, 20s}});
    CHECK(whole_time(by_priority) == 80s);
    CHECK(period_of(by_priority, -6) == 0);
    CHECK(period_of(by_priority, -5) == 0);
    CHECK(period_of(by_priority, 9999) == 0);
    CHECK(period_of(by_priority, 10000) == 1);
    CHECK(period_of(by_priority, 2'000'000'000) == 1);
}

TEST_CASE("times of a shutdown that contradict each other are refused", "[agent]") {
    CHECK(refused("shutdownGracePeriod: 10s\nshutdownGracePeriodCriticalPods: 11s\n").contains("must not be longer"));
    CHECK(refused("shutdownGracePeriodCriticalPods: 11s\n").contains("must not be longer"));
    CHECK(refused("shutdownGracePeriod: 10ms\n").contains("1s at least"));
    CHECK(refused("shutdownGracePeriod: 10s\nshutdownGracePeriodByPodPriority: [{priority: 1}]\n").contains("exclude"));
    CHECK(refused("shutdownGracePeriodByPodPriority: [{prio: 1}]\n").contains("prio"));
}
