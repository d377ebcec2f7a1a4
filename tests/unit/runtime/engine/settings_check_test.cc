// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <functional>

#include "runtime/engine/settings_check.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

std::string refusal(const std::function<void(Config &, HostConfig &)> &change) {
    Config config;
    HostConfig host;
    host.network_mode = "none";
    change(config, host);
    const Result<Texts> checked = check_settings(config, host, {.processors = 2, .cgroups = true});
    return checked ? "" : checked.error().message;
}

} // namespace

TEST_CASE("limits that contradict one another are refused in Docker's words", "[engine]") {
    CHECK(refusal([](Config &, HostConfig &) {}).empty());
    CHECK(refusal([](Config &, HostConfig &host) { host.memory = 1 << 20; }) == "Minimum memory limit allowed is 6MB");
    CHECK(refusal([](Config &, HostConfig &host) {
              host.memory_swap = 1 << 30;
          }).starts_with("You should always set the Memory limit"));
    CHECK(refusal([](Config &, HostConfig &host) { host.nano_cpus = 3'000'000'000; }) ==
          "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
    CHECK(refusal([](Config &, HostConfig &host) { host.cpuset_cpus = "0-7"; }) ==
          "Requested CPUs are not available - requested 0-7, available: 0-1");
    CHECK(refusal([](Config &, HostConfig &host) { host.cpuset_cpus = "a"; }) == "Invalid value a for cpuset cpus");
}

TEST_CASE("what another container's namespace decides cannot be set as well", "[engine]") {
    CHECK(refusal([](Config &config, HostConfig &host) {
              host.network_mode = "container:other";
              config.hostname = "own";
          }) == "conflicting options: hostname and the network mode");
    CHECK(refusal([](Config &config, HostConfig &host) {
              host.uts_mode = "host";
              config.hostname = "own";
          }) == "conflicting options: hostname and the UTS mode");
    CHECK(refusal([](Config &, HostConfig &host) {
              host.network_mode = "container:other";
              host.port_bindings["80/tcp"] = {};
          }) == "conflicting options: port publishing and the container type network mode");
    CHECK(refusal([](Config &, HostConfig &host) {
              host.network_mode = "container:other";
              host.dns = {"192.0.2.1"};
          }) == "conflicting options: dns and the network mode");
    CHECK(refusal([](Config &, HostConfig &host) { host.network_mode = "container:other"; }).empty());
}

TEST_CASE("what would be smuggled into the machine is refused", "[engine]") {
    CHECK_FALSE(refusal([](Config &, HostConfig &host) { host.sysctls["kernel.core_pattern"] = "|/x"; }).empty());
    CHECK_FALSE(refusal([](Config &, HostConfig &host) { host.sysctls["net.ipv4.x"] = "1\n2"; }).empty());
    CHECK_FALSE(refusal([](Config &, HostConfig &host) { host.sysctls["net/../kernel/panic"] = "1"; }).empty());
    CHECK_FALSE(refusal([](Config &, HostConfig &host) {
                    host.network_mode = "host";
                    host.sysctls["net.ipv4.ip_forward"] = "1";
                }).empty());
    CHECK(refusal([](Config &, HostConfig &host) { host.sysctls["kernel.msgmax"] = "65536"; }).empty());
    CHECK_FALSE(refusal([](Config &config, HostConfig &) { config.hostname = "a\nb"; }).empty());
}

TEST_CASE("restart policies and --rm exclude one another", "[engine]") {
    CHECK(refusal([](Config &, HostConfig &host) {
              host.auto_remove = true;
              host.restart_policy.kind = RestartPolicy::Kind::kAlways;
          }) == "can't create 'AutoRemove' container with restart policy");
    CHECK_FALSE(refusal([](Config &, HostConfig &host) {
                    host.restart_policy = {.kind = RestartPolicy::Kind::kAlways, .maximum_retry_count = 3};
                }).empty());
}

TEST_CASE("what this kernel cannot do is left out with Docker's warning", "[engine]") {
    Config config;
    HostConfig host;
    host.oom_kill_disable = true;
    const Texts warnings = must(check_settings(config, host, {}));
    CHECK(warnings == Texts{"Your kernel does not support OomKillDisable. OomKillDisable discarded."});
    CHECK_FALSE(host.oom_kill_disable);
}

TEST_CASE("signals are read by name, with and without SIG, and by number", "[engine]") {
    CHECK(must(signal_number("SIGKILL")) == SIGKILL);
    CHECK(must(signal_number("term")) == SIGTERM);
    CHECK(must(signal_number("15")) == 15);
    CHECK(must(signal_number("RTMIN+3")) == SIGRTMIN + 3);
    CHECK(must(signal_number("SIGRTMAX-1")) == SIGRTMAX - 1);
    for (const char *bad : {"", "0", "-1", "65", "SIGNOTHING", "9x", "RTMIN+99", "RTMIN+x"}) {
        INFO(bad);
        CHECK(signal_number(bad).error().message == "Invalid signal: " + std::string(bad));
    }
}

} // namespace ballast::engine
