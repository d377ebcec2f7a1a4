// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_measurement.h"

#include <nlohmann/json.hpp>

namespace ballast::bench {
namespace {

using Json = nlohmann::json;

Json json_of(const EngineResults &engine) {
    Json memory = Json::object();
    for (const auto &[containers, samples] : engine.memory) {
        memory[std::to_string(containers)] = samples;
    }
    return {{"name", engine.name},
            {"times", engine.times},
            {"memory", memory},
            {"idle_cpu", engine.idle_cpu},
            {"largest_mib", engine.largest_mib}};
}

EngineResults engine_of(const Json &json) {
    EngineResults engine{.name = json.at("name").get<std::string>()};
    json.at("times").get_to(engine.times);
    for (const auto &[containers, samples] : json.at("memory").items()) {
        engine.memory[std::stoi(containers)] = samples.get<std::vector<double>>();
    }
    json.at("idle_cpu").get_to(engine.idle_cpu);
    json.at("largest_mib").get_to(engine.largest_mib);
    return engine;
}

} // namespace

std::string to_json(const EngineBenchResults &results) {
    Json engines = Json::array();
    for (const EngineResults &engine : results.engines) {
        engines.push_back(json_of(engine));
    }
    return Json{{"client", results.client}, {"engines", engines}}.dump();
}

Result<EngineBenchResults> engine_results_from_json(const std::string &text) {
    try {
        const Json json = Json::parse(text);
        EngineBenchResults results{.client = json.at("client").get<std::vector<double>>()};
        for (const Json &engine : json.at("engines")) {
            results.engines.push_back(engine_of(engine));
        }
        return results;
    } catch (const std::exception &error) {
        return fail(EPROTO, std::string("results of ballast-engine-measure: ") + error.what());
    }
}

} // namespace ballast::bench
