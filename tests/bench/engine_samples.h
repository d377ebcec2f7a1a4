// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

// What a program in a test machine finds out about engines, on its way from there as JSON.
namespace ballast::bench {

// Of one engine, a sample a round; what the keys mean, and their units, say those who measure.
struct EngineSamples {
    std::string name;
    std::map<std::string, std::vector<double>> samples{};
};

std::string to_json(const std::vector<EngineSamples> &engines);
// EPROTO for what is not that.
Result<std::vector<EngineSamples>> engine_samples_from_json(const std::string &text);

} // namespace ballast::bench
