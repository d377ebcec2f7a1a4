// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/outcome_text.h"

#include <catch2/catch_test_macros.hpp>

namespace ballast::container {

TEST_CASE("an AppArmor profile that is not loaded is named, and what to do", "[outcome]") {
    isolate::ProcessPlan process;
    process.apparmor_profile = "mine";
    const Error error =
        outcome_error({.step = isolate::Step::kApparmorLabel, .index = -1, .code = ENOENT}, {}, process, nullptr);
    CHECK(error.code == ENOENT);
    CHECK(error.message == "set the AppArmor profile \"mine\": No such file or directory; the kernel has no such "
                           "profile, it has to be loaded first");
}

} // namespace ballast::container
