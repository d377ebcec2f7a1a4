// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/resolv_conf.h"

#include "runtime/network/dns/name_servers.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::dns;

TEST_CASE("resolv.conf is read as the C library reads it", "[dns]") {
    const ResolvConf conf = parse_resolv_conf("# nameserver 1.1.1.1\n"
                                              "nameserver 10.0.0.53\n"
                                              "nameserver\tfe80::1%eth0 # by router\r\n"
                                              "nameserver example.com\n"
                                              "nameserver\n"
                                              "domain example.org\n"
                                              "search a.example  b.example\n"
                                              "options ndots:2\n"
                                              "options edns0 trust-ad\n"
                                              "sortlist 10.0.0.0\n"
                                              "nameserver ::1");
    CHECK(conf.servers == std::vector<std::string>{"10.0.0.53", "fe80::1%eth0", "::1"});
    CHECK(conf.search == std::vector<std::string>{"a.example", "b.example"});
    CHECK(conf.options == std::vector<std::string>{"ndots:2", "edns0", "trust-ad"});
    CHECK(parse_resolv_conf("search a\ndomain b\n").search == std::vector<std::string>{"b"});
}

TEST_CASE("what is written as resolv.conf reads the same", "[dns]") {
    const ResolvConf conf{.servers = {"10.0.0.1", "fd00::1"}, .search = {"a", "b"}, .options = {"ndots:0"}};
    CHECK(write_resolv_conf(conf) == "nameserver 10.0.0.1\nnameserver fd00::1\nsearch a b\noptions ndots:0\n");
    const ResolvConf again = parse_resolv_conf(write_resolv_conf(conf));
    CHECK(again.servers == conf.servers);
    CHECK(again.search == conf.search);
    CHECK(again.options == conf.options);
    CHECK(write_resolv_conf({}).empty());
}

TEST_CASE("servers on the loopback device are told from others", "[dns]") {
    CHECK(is_loopback_server("127.0.0.53"));
    CHECK(is_loopback_server("::1"));
    CHECK(!is_loopback_server("10.0.0.53"));
    CHECK(!is_loopback_server("fe80::1%lo"));
}

TEST_CASE("a name server is an address, with an interface where it needs one", "[dns]") {
    CHECK(name_server("10.0.0.1").value().address.ss_family == AF_INET);
    CHECK(name_server("fd00::1").value().address.ss_family == AF_INET6);
    CHECK(name_server("fe80::1%lo").has_value());
    CHECK(!name_server("fe80::1%no-such-one").has_value());
    CHECK(!name_server("10.0.0.1%lo").has_value());
    CHECK(!name_server("localhost").has_value());
}

TEST_CASE("the host's servers are those of its file, which may change", "[dns]") {
    const TemporaryDirectory directory = scratch();
    const auto file = directory.path() / "resolv.conf";
    must(write_file(file, "nameserver 10.0.0.1\nnameserver 10.0.0.2\n"));
    HostServers servers(file);
    CHECK(servers.get().size() == 2);
    HostServers none(directory.path() / "none");
    CHECK(none.get().size() == 1); // the host itself
}
