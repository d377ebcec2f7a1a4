// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "updater/health/report.h"

// Which boot this is: what GRUB decided, and what follows from the checks.
namespace ballast::updater::health {

struct BootFacts {
    std::string deployment = {}; // empty: not started from the boot menu
    std::string version = {};    // VERSION_ID of os-release
    std::string boot = {};       // its id, 32 hexadecimal digits
    std::int64_t built = 0;      // when the system was made, seconds since 1970; 0: not known
    // The boot loader has counted this start, and nothing has recorded the deployment as good yet. What is good stays
    // good, and a start that is not counted would not lead back.
    bool on_trial = false;
    unsigned tries_left = 0; // when on trial
    bool has_other = false;  // there is another deployment to go back to
    // A deployment that was on trial before and did not come up: this one runs instead. Empty: none.
    std::string given_up = {};
    unsigned given_up_tries = 0; // that it had left
};

// `root` is "/" but in tests. A boot environment that cannot be read means: not on trial.
Result<BootFacts> look_at_boot(const std::filesystem::path &root);

// The value of NAME= in an os-release(5), without quotes; empty when it is not there.
std::string os_release_value(std::string_view text, std::string_view name);

// A required check failed on trial: restart, if there is anything to come back to.
Outcome outcome_of(const BootFacts &boot, const std::vector<CheckResult> &checks);

} // namespace ballast::updater::health
