// SPDX-License-Identifier: Apache-2.0
#include "agent/config/reservation.h"

#include <catch2/catch_test_macros.hpp>

#include "agent/config/kubelet_config.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

constexpr std::int64_t kGibi = 1LL << 30;

Result<KubeletConfig> config_of(const std::string &text) {
    return parse_kubelet_config("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + text, "f");
}

std::string refused(const std::string &text) {
    const auto config = config_of(text);
    REQUIRE_FALSE(config.has_value());
    return config.error().message;
}

} // namespace

TEST_CASE("what is reserved for others is not for pods", "[agent]") {
    const Reservation reservation = must(config_of(R"(kubeReserved: {cpu: 500m, memory: 1Gi, pid: "100"}
systemReserved: {cpu: 1, ephemeral-storage: 2Gi}
)"))
                                        .reservation;
    CHECK(reservation.milli("cpu") == 1500);
    CHECK(reservation.milli("pid") == 100'000);
    CHECK(reservation.holds_pods());
    const Allocatable left = allocatable(reservation, {.milli_cpu = 4000, .memory = 8 * kGibi, .storage = 100 * kGibi});
    CHECK(left.milli_cpu == 2500);
    CHECK(left.memory == 7 * kGibi - (100LL << 20));
    CHECK(left.storage == 88 * kGibi);
    CHECK(allocatable(reservation, {.milli_cpu = 1000, .memory = kGibi, .storage = kGibi}).memory == 0);
}

TEST_CASE("processors that are kept whole stand for what is reserved of them", "[agent]") {
    const Reservation reservation =
        must(config_of("reservedSystemCPUs: 0-1,3\nkubeReserved: {cpu: 100m}\n")).reservation;
    CHECK(reservation.milli("cpu") == 3000);
    CHECK(refused("reservedSystemCPUs: 3-1\n").contains("f:3:21: \"reservedSystemCPUs\": want processors like 0-1,3"));
}

TEST_CASE("a machine is short of what its thresholds say, or kubelet's", "[agent]") {
    const Reservation usual;
    CHECK(usual.least("memory.available", 8 * kGibi) == 100LL << 20);
    CHECK(usual.least("nodefs.available", 200) == 20);
    CHECK(usual.least("imagefs.available", 200) == 30);
    CHECK(usual.least("pid.available", 200) == 0);
    const Reservation given = must(config_of("evictionHard: {memory.available: 5.5%}\n")).reservation;
    CHECK(given.least("memory.available", 1000) == 55);
    CHECK(given.least("nodefs.available", 200) == 0);
    const Reservation merged =
        must(config_of("evictionHard: {memory.available: 5%}\nmergeDefaultEvictionSettings: true\n")).reservation;
    CHECK(merged.least("memory.available", 1000) == 50);
    CHECK(merged.least("nodefs.available", 200) == 20);
    CHECK(must(config_of("evictionHard: {}\n")).reservation.least("memory.available", 1000) == 0);
}

TEST_CASE("who is held to what is left", "[agent]") {
    CHECK_FALSE(must(config_of("enforceNodeAllocatable: [none]\n")).reservation.holds_pods());
    const KubeletConfig more =
        must(config_of("enforceNodeAllocatable: [pods, kube-reserved]\nkubeReservedCgroup: /a\n"));
    CHECK(more.reservation.holds_pods());
    CHECK(more.warnings.size() == 2);
    CHECK(refused("enforceNodeAllocatable: [all]\n").contains("want one of none, pods"));
}

TEST_CASE("reservations that cannot be say what is wanted", "[agent]") {
    CHECK(refused("kubeReserved: {gpu: 1}\n").contains("\"kubeReserved\": want one of cpu, memory"));
    CHECK(refused("systemReserved: {memory: lots}\n").contains("memory: want an amount like 500m or 1Gi, not"));
    CHECK(refused("evictionHard: {memory.free: 1Gi}\n").contains("want one of memory.available"));
    CHECK(refused("evictionHard: {memory.available: 101%}\n").contains("percent up to 100%"));
    CHECK(parse_amounts("cpu").error().message.contains("want NAME=AMOUNT"));
    CHECK(parse_thresholds("memory.available=1Gi").error().message.contains("want NAME<AMOUNT"));
    CHECK(must(parse_thresholds("")).empty());
}
