// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/capabilities.h"

#include <catch2/catch_test_macros.hpp>
#include <linux/capability.h>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

constexpr std::uint64_t bit(int capability) { return 1ULL << static_cast<unsigned>(capability); }

constexpr std::uint64_t kKnown = (bit(CAP_CHECKPOINT_RESTORE) << 1U) - 1;

TEST_CASE("the kernel's capabilities are all up to the last", "[capabilities]") {
    const std::uint64_t known = known_capabilities();
    CHECK((known & (known + 1)) == 0); // no gaps
    CHECK((known & bit(CAP_CHOWN)) != 0);
    const std::string last = must(read_file("/proc/sys/kernel/cap_last_cap"));
    CHECK(known == ~0ULL >> (63U - static_cast<unsigned>(std::stoi(last))));
}

TEST_CASE("what the kernel does not know is left out of every set", "[capabilities]") {
    const std::uint64_t all = ~0ULL;
    const auto planned = must(plan_capabilities({all, all, all, all, all}, kKnown));
    CHECK(planned.bounding == kKnown);
    CHECK(planned.effective == kKnown);
    CHECK(planned.inheritable == kKnown);
    CHECK(planned.permitted == kKnown);
    CHECK(planned.ambient == kKnown);
}

TEST_CASE("the inheritable set is what was asked for and nothing more", "[capabilities]") {
    const std::uint64_t some = bit(CAP_CHOWN) | bit(CAP_KILL);
    const auto planned = must(plan_capabilities(
        {.bounding = some, .effective = some, .inheritable = 0, .permitted = some, .ambient = 0}, kKnown));
    CHECK(planned.inheritable == 0);
    CHECK(planned.permitted == some);
}

TEST_CASE("ambient capabilities that no kernel would grant are left out", "[capabilities]") {
    const std::uint64_t chown = bit(CAP_CHOWN);
    const std::uint64_t kill = bit(CAP_KILL);
    const std::uint64_t both = chown | kill;
    CHECK(must(plan_capabilities({both, both, 0, both, both}, kKnown)).ambient == 0);
    CHECK(must(plan_capabilities({both, both, chown, both, both}, kKnown)).ambient == chown);
    CHECK(must(plan_capabilities({both, chown, both, chown, both}, kKnown)).ambient == chown);
}

TEST_CASE("an effective capability has to be permitted", "[capabilities]") {
    const Error error = error_of(plan_capabilities(
        {.bounding = 0, .effective = bit(CAP_KILL), .inheritable = 0, .permitted = bit(CAP_CHOWN), .ambient = 0},
        kKnown));
    CHECK(error.code == EINVAL);
    CHECK(error.message == "process.capabilities.effective: CAP_KILL is not in process.capabilities.permitted");
}

} // namespace
} // namespace ballast::isolate
