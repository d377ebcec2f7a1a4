// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <vector>

#include "agent/config/fields.h"
#include "base/result.h"

namespace ballast::agent {

// What the agent keeps small.
struct UpkeepConfig {
    long long log_bytes = 10LL << 20; // a log that is larger is turned; less than zero: none is
    long long log_files = 5;          // of one container, the one that is written to among them
    long long log_workers = 1;        // logs that are turned at once
    std::chrono::nanoseconds log_period = std::chrono::seconds(10);

    // Percent of the images' file system: more than the first is used: images go until it is the second.
    long long image_high = 85, image_low = 80;
    std::chrono::nanoseconds image_least_age{std::chrono::minutes(2)}; // since it was seen first: it stays
    std::chrono::nanoseconds image_most_age{0}; // since it was used last: it goes; 0: it need not
};

// The fields of KubeletConfiguration that say it.
std::vector<Field> upkeep_fields(UpkeepConfig &config);

// containerLogMaxSize: a quantity of bytes. EINVAL with what is wanted.
Result<long long> log_bytes_of(const std::string &text);

// What cannot be: EINVAL with what is wanted.
Status check(const UpkeepConfig &config);

} // namespace ballast::agent
