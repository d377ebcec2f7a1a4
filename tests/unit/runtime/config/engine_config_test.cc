// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/engine_config.h"

#include <algorithm>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>

#include "runtime/config/values.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::config;

namespace {

EngineConfig parsed(const std::string &text) { return must(parse_engine_config(text, "f")); }
std::string refused(const std::string &text) { return error_of(parse_engine_config(text, "f")).message; }

} // namespace

TEST_CASE("a missing or empty configuration is the defaults", "[config]") {
    const EngineConfig missing = must(load_engine_config("/nonexistent/engine.json"));
    const EngineConfig empty = parsed("{}");
    for (const EngineConfig *config : {&missing, &empty}) {
        REQUIRE(config->data_root == "/var/lib/ballast");
        REQUIRE(config->log_driver == "json-file");
        REQUIRE(config->group == "docker");
        REQUIRE(config->cgroups);
        REQUIRE(config->metrics_address.empty());
    }
}

TEST_CASE("the usual keys of a container host are read", "[config]") {
    const EngineConfig config = parsed(R"({
	"registry-mirrors": ["https://mirror.example"],
	"insecure-registries": ["10.0.0.0/8", "registry.example:5000"],
	"dns": ["192.0.2.53", "2001:db8::53"],
        "log-driver": "journald", "log-opts": {"tag": "{{.Name}}", "max-size": "10m", "max-file": "3"},
        "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 1024}},
        "bridge": "none", "icc": false, "live-restore": true, "debug": true,
        "labels": ["rack=4"], "data-root": "/srv/ballast",
        "default-address-pools": [{"base": "10.200.0.0/16", "size": 24}],
        "default-shm-size": "128M", "shutdown-timeout": 30, "max-concurrent-downloads": 8,
        "default-runtime": "ballast-oci", "runtimes": {},
        "userns-remap": "", "hosts": ["fd://", "tcp://127.0.0.1:2375"], "mtu": 1400, "ip": "192.0.2.1",
        "metrics-addr": "127.0.0.1:9323", "init": true, "no-new-privileges": true, "cgroups": "disabled"
    })");
    REQUIRE(config.registry_mirrors == std::vector<std::string>{"https://mirror.example"});
    REQUIRE(config.insecure_registries.size() == 2);
    REQUIRE(config.dns.size() == 2);
    REQUIRE(config.log_options.at("max-file") == "3");
    REQUIRE(config.ulimits.at(0).name == "nofile");
    REQUIRE(config.ulimits.at(0).soft == 1024);
    REQUIRE(config.ulimits.at(0).hard == 64000);
    REQUIRE_FALSE(config.network.icc);
    REQUIRE(config.network.bridge == "none");
    REQUIRE(config.network.mtu == 1400);
    REQUIRE(config.network.address_pools.at(0).size == 24);
    REQUIRE(config.shm_size == 128LL << 20);
    REQUIRE(config.downloads == 8);
    REQUIRE(config.init);
    REQUIRE_FALSE(config.cgroups);
}

TEST_CASE("clients with certificates may come from anywhere", "[config]") {
    const EngineConfig config =
        must(parse_engine_config(R"({"tlsverify": true, "hosts": ["tcp://[::]:2376"], "tlskey": "/k"})", "f"));
    CHECK(config.tls_verify);
    CHECK(config.tls_key == "/k");
    CHECK(config.tls_certificate == "/etc/ballast/tls/cert.pem");
    CHECK_FALSE(check_host("tcp://0.0.0.0:2376", false).has_value());
    CHECK(check_host("tcp://127.0.0.1:2375", false).has_value());
    CHECK(check_host("tcp://0.0.0.0:2376", true).has_value());
}

TEST_CASE("an unknown key is refused with its place and what was meant", "[config]") {
    REQUIRE(refused("{\n  \"debug\": true,\n  \"registry-mirror\": []\n}") ==
            "f:3:22: unknown key \"registry-mirror\"; did you mean \"registry-mirrors\"?");
    REQUIRE(refused("{\"something-else\": 1}") == "f:1:20: unknown key \"something-else\"");
    REQUIRE(refused(R"({"proxies": {"http_proxy": "x"}})").contains("did you mean \"http-proxy\"?"));
}

TEST_CASE("what cannot be is refused with its place", "[config]") {
    const auto [text, message] = GENERATE(table<std::string, std::string>({
        {"[]", "must be a mapping"},
        {R"({"debug": "yes"})", "true or false"},
        {R"({"debug": true, "debug": false})", "duplicate key \"debug\""},
        {R"({"live-restore": false})", "containers always outlive this engine"},
        {R"({"data-root": "relative"})", "must be an absolute path"},
        {R"({"dns": ["one.one"]})", "\"one.one\", which is not an IP address"},
        {R"({"log-driver": "splunk"})", "must be one of json-file, local, journald, syslog, none"},
        {R"({"max-concurrent-downloads": 0})", "an integer from 1 to 64"},
        {R"({"max-concurrent-downloads": 1.5})", "an integer from 1 to 64"},
        {R"({"userns-remap": ["root"]})", "userns-remap"},
        {R"({"hosts": ["tcp://0.0.0.0:2375"]})", "whoever reached it would be root"},
        {R"({"hosts": ["http://x"]})", "want fd://"},
        {R"({"hosts": ["tcp://[::]:2376"], "tlsverify": false})", "whoever reached it would be root"},
        {R"({"tls": true, "hosts": ["tcp://127.0.0.1:2375"]})", "takes \"tlsverify\": true as well"},
        {R"({"tls": false, "tlsverify": true})", "is false, and \"tlsverify\" is true"},
        {R"({"tlskey": "key.pem"})", "absolute path"},
        {R"({"storage-driver": "btrfs"})", "must be overlay2"},
        {R"({"storage-opts": ["size=1g"]})", "does not know"},
        {R"({"default-runtime": "kata"})", "there is no other runtime"},
        {R"({"runtimes": {"crun": {"path": "/usr/bin/crun"}}})", "runs containers by ballast-oci alone"},
        {R"({"default-ulimits": {"nofile": {"Soft": 2, "Hard": 1}}})", "above its hard limit"},
        {R"({"default-ulimits": {"nofile": {"Soft": -1, "Hard": 1}}})", "above its hard limit"},
        {R"({"default-ulimits": {"nofile": {"Name": "core", "Soft": 1, "Hard": 1}}})", "differs from"},
        {R"({"default-shm-size": "much"})", "must be a size"},
        {R"({"default-address-pools": [{"base": "10.0.0.0", "size": 24}]})", "must be a network"},
        {R"({"default-address-pools": [{"base": "10.0.0.0/16", "size": 8}]})",
         R"("size" must be 16 to 30: it is the prefix of the networks that are taken from 10.0.0.0/16)"},
        {R"({"default-address-pools": [{"base": "10.0.0.0/16", "size": 32}]})", "\"size\" must be 16 to 30"},
        {R"({"default-address-pools": [{"base": "10.0.0.0/32", "size": 32}]})", "no network fits in"},
        {R"({"default-address-pools": [{"base": "fd00::/48", "size": 32}]})", "\"size\" must be 48 to 124"},
        {R"({"labels": ["bare"]})", "KEY=VALUE"},
        {R"({"registry-mirrors": ["mirror.example"]})", "not an http:// or https:// URL"},
        {R"({"metrics-addr": "localhost"})", "an address and a port"},
        {R"({"seccomp-profile": "here.json"})", "absolute path"},
        {R"({"cgroups": false})", "must be enabled or disabled"},
        {R"({"ip": "any"})", "must be an IP address"},
        {R"({"bip": "10.0.0.1"})", "address with a prefix"},
        {R"({"debug": })", "has no value"},
    }));
    CAPTURE(text);
    const std::string found = refused(text);
    CAPTURE(found);
    REQUIRE(found.starts_with("f:1:"));
    REQUIRE(found.contains(message));
}

TEST_CASE("the schema and the reader know the same keys", "[config]") {
    const nlohmann::json schema = nlohmann::json::parse(must(read_file("configs/engine.schema.json")));
    REQUIRE(schema["additionalProperties"] == false);
    std::vector<std::string> documented;
    for (const auto &[name, value] : schema["properties"].items()) {
        CAPTURE(name);
        REQUIRE_FALSE(value["description"].get<std::string>().empty());
        documented.push_back(name);
    }
    std::vector<std::string> known;
    for (const KeyInfo &key : engine_config_keys()) {
        known.emplace_back(key.name);
    }
    REQUIRE(std::ranges::is_sorted(known));
    REQUIRE(known == documented);
}

TEST_CASE("the schema's choices and ranges are the reader's", "[config]") {
    const nlohmann::json schema = nlohmann::json::parse(must(read_file("configs/engine.schema.json")));
    for (const auto &[name, value] : schema["properties"].items()) {
        CAPTURE(name);
        const auto with = [key = name](const nlohmann::json &v) { return nlohmann::json{{key, v}}.dump(); };
        if (value.contains("enum")) {
            for (const auto &choice : value["enum"]) {
                parsed(with(choice));
            }
            refused(with("none of these"));
        }
        if (value.contains("minimum")) {
            const long long least = value["minimum"];
            const long long most = value["maximum"];
            parsed(with(least));
            parsed(with(most));
            refused(with(least - 1));
            refused(with(most + 1));
        }
        if (value["type"] == "boolean") {
            parsed(with(true));
            refused(with("true"));
        }
        if (value.contains("const")) {
            parsed(with(value["const"]));
            refused(with(value["type"] == "boolean" ? nlohmann::json(false) : nlohmann::json("another")));
        }
    }
}

TEST_CASE("a changed file says what takes effect now and what needs a restart", "[config]") {
    const EngineConfig before = parsed(R"({"debug": false, "labels": ["a=b"], "data-root": "/a", "icc": true})");
    const EngineConfig after = parsed(R"({"data-root": "/b", "labels":   [ "a=b" ], "icc": true, "init": true})");
    const Changes changes = changed_keys(before, after);
    REQUIRE(changes.reloaded == std::vector<std::string>{"debug", "init"});
    REQUIRE(changes.needing_restart == std::vector<std::string>{"data-root"});
    REQUIRE(changed_keys(after, after).reloaded.empty());
}

TEST_CASE("sizes are powers of 1024", "[config]") {
    REQUIRE(parse_size("65536") == 65536);
    REQUIRE(parse_size("64m") == 64 << 20);
    REQUIRE(parse_size("1G") == 1 << 30);
    REQUIRE(parse_size("10KiB") == 10240);
    REQUIRE(parse_size("1b") == 1);
    for (const char *text : {"", "m", "-1m", "1x", "1mm", "99999999p", "99999999999999999999"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_size(text));
    }
}
