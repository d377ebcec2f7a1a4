// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/links.h"

#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

std::string parsed(const std::string &text) {
    const Link link = must(parse_link(text));
    return link.container + " as " + link.alias;
}

} // namespace

TEST_CASE("a link names a container, and what it is called", "[engine]") {
    CHECK(parsed("db") == "db as db");
    CHECK(parsed("db:store") == "db as store");
    CHECK(parsed("/db:/web/store") == "db as store"); // as inspect shows it
    CHECK(error_of(parse_link("")).message == "empty string specified for links");
    for (const char *wrong : {":", "db:", ":db", "a:b:c"}) {
        CHECK(error_of(parse_link(wrong)).message == std::string("bad format for links: ") + wrong);
    }
}

TEST_CASE("a link's variables tell of ports, name and environment of the other container", "[engine]") {
    Snapshot linked;
    linked.name = "db";
    linked.config.hostname = "0123456789ab";
    linked.config.exposed_ports = {"8001/tcp", "53/udp", "53/tcp"};
    linked.config.env = {"PATH=/bin", "HOME=/", "VERSION=1=2", "BROKEN"};
    CHECK(link_environment("web", "the-db", linked, "172.17.0.2") ==
          Texts{"THE_DB_PORT=tcp://172.17.0.2:53", "THE_DB_PORT_53_TCP=tcp://172.17.0.2:53",
                "THE_DB_PORT_53_TCP_ADDR=172.17.0.2", "THE_DB_PORT_53_TCP_PORT=53", "THE_DB_PORT_53_TCP_PROTO=tcp",
                "THE_DB_PORT_53_UDP=udp://172.17.0.2:53", "THE_DB_PORT_53_UDP_ADDR=172.17.0.2",
                "THE_DB_PORT_53_UDP_PORT=53", "THE_DB_PORT_53_UDP_PROTO=udp",
                "THE_DB_PORT_8001_TCP=tcp://172.17.0.2:8001", "THE_DB_PORT_8001_TCP_ADDR=172.17.0.2",
                "THE_DB_PORT_8001_TCP_PORT=8001", "THE_DB_PORT_8001_TCP_PROTO=tcp", "THE_DB_NAME=/web/the-db",
                "THE_DB_ENV_VERSION=1=2"});
    CHECK(link_names("the-db", linked) == "the-db 0123456789ab db");
    CHECK(link_names("db", linked) == "db 0123456789ab");
}

} // namespace ballast::engine
