// SPDX-License-Identifier: Apache-2.0
#include "tests/peers/ginkgo_report.h"

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

std::string name_of(const nlohmann::json &spec) {
    std::string name;
    for (const auto &level : spec.at("ContainerHierarchyTexts")) {
        name += level.get<std::string>() + " / ";
    }
    return name + spec.at("LeafNodeText").get<std::string>();
}

} // namespace

void check_ginkgo_report(const fs::path &file) {
    std::map<std::string, int> counts;
    std::string failed;
    for (const auto &suite : nlohmann::json::parse(must(read_file(file)))) {
        for (const auto &spec : suite.at("SpecReports")) {
            if (spec.at("LeafNodeType") != "It") {
                continue;
            }
            const std::string state = spec.at("State");
            ++counts[state];
            if (state != "passed" && state != "skipped" && state != "pending") {
                const auto failure = spec.value("Failure", nlohmann::json::object());
                failed += state + ": " + name_of(spec) + ": " + failure.value("Message", "") + "\n";
            }
        }
    }
    for (const auto &[state, count] : counts) {
        std::cout << count << " " << state << "\n";
    }
    CHECK(failed == "");
    CHECK(counts["passed"] > 0);
}

} // namespace ballast::peers
