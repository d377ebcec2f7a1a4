// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/report.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace ballast::bench {
namespace {

Report report() {
    return {.bench = "image",
            .peer = "Debian",
            .results = {{"size", summarize({150}), summarize({200}), "MB", 0.75},
                        {"boot", summarize({8, 9, 7}), summarize({10, 10, 10}), "s", 0.7},
                        {"initrd", summarize({2}), summarize({0}), "s"}}};
}

TEST_CASE("the table shows both sides, the ratio and whether the budget is kept", "[bench]") {
    CHECK(table(report()) == "image   ours                   Debian    ratio  budget\n"
                             "size    150.0 MB               200.0 MB  0.75   at most 0.75: kept\n"
                             "boot    8.00 s (7.00 to 9.00)  10.0 s    0.80   at most 0.70: exceeded\n"
                             "initrd  2.00 s                 0.00 s    -\n");
}

TEST_CASE("a budget without a ratio is neither kept nor exceeded", "[bench]") {
    Report unknown = report();
    unknown.results = {{"size", summarize({150}), summarize({}), "MB", 0.75}};
    const std::string text = table(unknown);
    CHECK(text.find("at most 0.75: unknown") != std::string::npos);
    CHECK(text.find("kept") == std::string::npos);
}

TEST_CASE("the JSON has one object a result, with exactly the agreed keys in order", "[bench]") {
    const auto document = nlohmann::ordered_json::parse(json_text(report()));
    CHECK(document["bench"] == "image");
    REQUIRE(document["results"].size() == 3);
    CHECK(document["results"][1].dump() ==
          R"({"name":"boot","ours":8.0,"theirs":10.0,"peer":"Debian","unit":"s","ratio":0.8,"n":3})");
}

TEST_CASE("in the JSON a ratio that does not exist is null", "[bench]") {
    const auto document = nlohmann::json::parse(json_text(report()));
    CHECK(document["results"][2]["ratio"].is_null());
}

TEST_CASE("figures in the JSON are rounded to thousandths", "[bench]") {
    Report third = report();
    third.results = {{"boot", summarize({1.0 / 3}), summarize({1}), "s"}};
    CHECK(nlohmann::json::parse(json_text(third))["results"][0]["ours"] == 0.333);
}

} // namespace
} // namespace ballast::bench
