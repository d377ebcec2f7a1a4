// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/list_filters.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

Result<Snapshot> nobody(const std::string &name) { return fail(ENOENT, "No such container: " + name); }

bool named(const std::string &name, const std::vector<std::string> &patterns) {
    Snapshot container;
    container.name = name;
    return must(ListFilter::read({{"name", patterns}}, nobody)).matches(container, nullptr);
}

} // namespace

TEST_CASE("the filter by name is a regular expression that is found anywhere", "[engine]") {
    CHECK(named("web-1", {"web"}));
    CHECK(named("web-1", {"b-"}));
    CHECK(named("web-1", {"^web"}));
    CHECK(named("web-1", {"^/web-[0-9]$"}));
    CHECK(named("web-1", {"^(web|site)-1$"}));
    CHECK(named("web-1", {"other", "web"}));
    CHECK_FALSE(named("web-1", {"^eb"}));
    CHECK_FALSE(named("web-1", {"^web$"}));
    CHECK_FALSE(named("web.1", {"web[.]2"}));
}

TEST_CASE("a filter by name that is no expression, or a costly one, is refused", "[engine]") {
    for (const std::string &text : std::vector<std::string>{"(", "[", "*a{", "(a{200}){200}", std::string(300, 'a')}) {
        CAPTURE(text);
        const Result<ListFilter> filter = ListFilter::read({{"name", {text}}}, nobody);
        REQUIRE_FALSE(filter.has_value());
        CHECK(filter.error().code == EINVAL);
        CHECK(filter.error().message.starts_with("invalid filter 'name="));
    }
}

TEST_CASE("containers are found by ports of the host while they run, and by their own", "[engine]") {
    Snapshot container;
    container.config.exposed_ports = {"80/tcp"};
    container.host.port_bindings["90-92/udp"] = {};
    const auto found = [&container](const char *filter, const char *port) {
        return must(ListFilter::read({{filter, {port}}}, nobody)).matches(container, nullptr);
    };
    CHECK_FALSE(found("publish", "8080"));
    network::PublishedPort port;
    port.host_port = 8080;
    container.sandbox.emplace().ports = {port};
    CHECK(found("publish", "8080"));
    CHECK(found("publish", "8000-8090/tcp"));
    CHECK_FALSE(found("publish", "8080/udp"));
    CHECK_FALSE(found("publish", "80"));
    CHECK(found("expose", "80"));
    CHECK(found("expose", "91/udp"));
    CHECK_FALSE(found("expose", "93/udp"));
    CHECK(error_of(ListFilter::read({{"expose", {"x"}}}, nobody)).code == EINVAL);
}

} // namespace ballast::engine
