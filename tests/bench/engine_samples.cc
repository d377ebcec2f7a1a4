// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_samples.h"

#include <nlohmann/json.hpp>

namespace ballast::bench {
namespace {

using Json = nlohmann::json;

} // namespace

std::string to_json(const std::vector<EngineSamples> &engines) {
    Json all = Json::array();
    for (const EngineSamples &engine : engines) {
        all.push_back({{"name", engine.name}, {"samples", engine.samples}});
    }
    return all.dump();
}

Result<std::vector<EngineSamples>> engine_samples_from_json(const std::string &text) {
    try {
        std::vector<EngineSamples> engines;
        for (const Json &engine : Json::parse(text)) {
            engines.push_back({.name = engine.at("name").get<std::string>()});
            engine.at("samples").get_to(engines.back().samples);
        }
        return engines;
    } catch (const Json::exception &error) {
        return fail(EPROTO, std::string("samples of engines: ") + error.what());
    }
}

} // namespace ballast::bench
