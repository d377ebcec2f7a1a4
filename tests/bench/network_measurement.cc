// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/network_measurement.h"

#include <nlohmann/json.hpp>

namespace ballast::bench {
namespace {

using Json = nlohmann::json;

constexpr double kBitsPerGibibyte = 8.0 * 1024 * 1024 * 1024, kMillisecondsPerSecond = 1000;

} // namespace

Result<double> per_gibibyte(const std::string &iperf) {
    try {
        const Json json = Json::parse(iperf);
        if (json.contains("error")) {
            return fail(EIO, "iperf3: " + json.at("error").get<std::string>());
        }
        const double speed = json.at("end").at("sum_received").at("bits_per_second").get<double>();
        return speed > 0 ? Result<double>(kBitsPerGibibyte / speed * kMillisecondsPerSecond)
                         : fail(EIO, "iperf3: nothing was received");
    } catch (const Json::exception &error) {
        return fail(EPROTO, std::string("output of iperf3: ") + error.what());
    }
}

} // namespace ballast::bench
