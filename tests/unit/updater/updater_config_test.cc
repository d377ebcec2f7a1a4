// SPDX-License-Identifier: Apache-2.0
#include "updater/updater_config.h"

#include <algorithm>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;
using namespace std::chrono_literals;

namespace {

UpdaterConfig parsed(const std::string &text) { return must(parse_updater_config(text, "f")); }
std::string refused(const std::string &text) { return error_of(parse_updater_config(text, "f")).message; }

} // namespace

TEST_CASE("an updater without configuration does nothing unasked", "[updater]") {
    const UpdaterConfig missing = must(load_updater_config("/nonexistent/updater.json"));
    const UpdaterConfig empty = parsed("{}");
    for (const UpdaterConfig *config : {&missing, &empty}) {
        REQUIRE(config->strategy == Strategy::kManual);
        REQUIRE(config->urls.empty());
        REQUIRE(config->check_interval == 6h);
    }
}

TEST_CASE("every key of the updater's configuration is read", "[updater]") {
    const UpdaterConfig config = parsed(R"({
        "strategy": "lock", "check-interval": "90min",
        "urls": ["https://updates.example/repo/", "http://mirror.example:8080/repo"], "proxy": "http://proxy.example:3128",
        "tls": {"authorities": "/etc/a.pem", "certificate": "/etc/c.pem", "key": "/etc/k.pem"},
        "keys": ["/etc/ballast/keys.d"],
        "windows": [{"start": "Sat 02:00 Europe/Berlin", "length": "4h"}, {"start": "daily", "length": "30min"}],
        "lock": {"url": "https://lock.example/", "group": "edge-1", "timeout": "5s"}
    })");
    REQUIRE(config.strategy == Strategy::kLock);
    REQUIRE(config.check_interval == 90min);
    REQUIRE(config.urls == std::vector<std::string>{"https://updates.example/repo", "http://mirror.example:8080/repo"});
    REQUIRE(config.proxy == "http://proxy.example:3128");
    REQUIRE(config.tls.key == "/etc/k.pem");
    REQUIRE(config.keys.size() == 1);
    REQUIRE(config.windows == std::vector<Window>{{"Sat 02:00 Europe/Berlin", 4h}, {"daily", 30min}});
    REQUIRE(config.lock.url == "https://lock.example");
    REQUIRE(config.lock.group == "edge-1");
    REQUIRE(config.lock.timeout == 5s);
}

TEST_CASE("the updater's configuration is told the first time and when its file is another", "[updater]") {
    const TemporaryDirectory directory = scratch();
    const std::filesystem::path path = directory.path() / "updater.json";
    ConfigFile file(path);
    REQUIRE(file.changed().has_value());
    CHECK_FALSE(file.changed().has_value());
    must(write_file(path, R"({"urls": ["https://one.example"]})"));
    CHECK(file.changed().value().urls == std::vector<std::string>{"https://one.example"});
    CHECK_FALSE(file.changed().has_value());
    must(write_file(path, R"({"urls": 1})")); // a mistake stands for the defaults, once
    const UpdaterConfig defaults = file.changed().value();
    CHECK(defaults.urls.empty());
    CHECK(defaults.mistake.starts_with(path.string() + ":1:10: "));
    CHECK_FALSE(file.changed().has_value());
    std::filesystem::remove(path);
    CHECK(file.changed().value().mistake.empty());
}

TEST_CASE("what the updater's configuration cannot mean is refused with its place", "[updater]") {
    const auto [text, message] = GENERATE(table<std::string, std::string>({
        {"[]", "must be a mapping"},
        {R"({"strategie": "manual"})", "unknown key \"strategie\""},
        {R"({"strategy": "sometimes"})", "must be one of manual, immediate, window, lock"},
        {R"({"strategy": "window"})", "\"windows\" names none"},
        {R"({"strategy": "lock"})", "\"lock\" names no server"},
        {R"({"check-interval": "1s"})", "from 15min to 30d"},
        {R"({"check-interval": "6 hours"})", "a time like 30s"},
        {R"({"urls": ["ftp://x"]})", "\"urls\" has \"ftp://x\""},
        {R"({"urls": "http://x"})", "must be a list"},
        {R"({"proxy": "proxy:1"})", "\"proxy\" has"},
        {R"({"tls": {"certificate": "/a"}})", "together"},
        {R"({"tls": {"ca": "/a"}})", "ca"},
        {R"({"tls": {"authorities": "a"}})", "absolute"},
        {R"({"keys": ["a"]})", "no absolute path"},
        {R"({"windows": [{"start": "daily"}]})", "\"length\" is missing"},
        {R"({"windows": [{"length": "1h"}]})", "start"},
        {R"({"windows": [{"start": "daily", "length": "8d"}]})", "to 7d"},
        {R"({"lock": {"group": "a"}})", "url"},
        {R"({"lock": {"url": "http://x", "group": "a b"}})", "letters, digits"},
    }));
    CAPTURE(text);
    const std::string found = refused(text);
    CAPTURE(found);
    REQUIRE(found.starts_with("f:1:"));
    REQUIRE(found.contains(message));
}

TEST_CASE("the updater's schema and its reader know the same keys and strategies", "[updater]") {
    const nlohmann::json schema = nlohmann::json::parse(must(read_file("configs/updater.schema.json")));
    REQUIRE(schema["additionalProperties"] == false);
    std::vector<std::string> documented;
    for (const auto &[name, value] : schema["properties"].items()) {
        CAPTURE(name);
        REQUIRE_FALSE(value["description"].get<std::string>().empty());
        documented.push_back(name);
    }
    const std::vector<std::string_view> known = updater_config_keys();
    REQUIRE(std::ranges::is_sorted(known));
    REQUIRE(std::ranges::equal(known, documented));
    const auto strategies = schema["properties"]["strategy"]["enum"].get<std::vector<std::string>>();
    REQUIRE(strategies.size() == 4);
    for (const Strategy strategy : {Strategy::kManual, Strategy::kImmediate, Strategy::kWindow, Strategy::kLock}) {
        REQUIRE(std::ranges::contains(strategies, name_of(strategy)));
    }
}
