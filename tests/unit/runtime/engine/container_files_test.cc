// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/container_files.h"

#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

const HostFiles kPlainHost{.hosts = "127.0.0.1 localhost\n10.9.9.9 nas",
                           .resolv_conf = "# ours\nnameserver 10.0.0.53\nsearch example.com\noptions edns0\n",
                           .uplinks = {}};
const HostFiles kResolvedHost{.hosts = {},
                              .resolv_conf = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch stub.example\n",
                              .uplinks = "nameserver 192.0.2.1\nnameserver fd00::1\nsearch link.example\n"};

Snapshot named(const std::string &hostname) {
    Snapshot container;
    container.config.hostname = hostname;
    return container;
}

std::string default_hosts() { return must(hosts_file(named("c"), {}, {})); }

} // namespace

TEST_CASE("a container finds itself and its extra hosts in its hosts file", "[engine]") {
    Snapshot container = named("web");
    container.config.domainname = "example.com";
    container.host.extra_hosts = {"db:10.0.0.9", "six:fd00::9", "seven:[fd00::7]", "host.docker.internal:host-gateway"};
    const FileNetwork network{.addresses = {"172.17.0.2", "fd00::2"}, .host_gateway = {"172.17.0.1"}};
    CHECK(must(hosts_file(container, network, kPlainHost)) == default_hosts() + "10.0.0.9\tdb\n"
                                                                                "fd00::9\tsix\n"
                                                                                "fd00::7\tseven\n"
                                                                                "172.17.0.1\thost.docker.internal\n"
                                                                                "172.17.0.2\tweb.example.com web\n"
                                                                                "fd00::2\tweb.example.com web\n");
    CHECK(default_hosts().starts_with("127.0.0.1\tlocalhost\n::1\tlocalhost "));
}

TEST_CASE("on the host's network a container has the host's files", "[engine]") {
    Snapshot container = named("machine");
    container.host.extra_hosts = {"db:10.0.0.9"};
    const FileNetwork host{.of_host = true};
    NameSettings names;
    CHECK(must(hosts_file(container, host, kPlainHost)) == kPlainHost.hosts + "\n10.0.0.9\tdb\n");
    CHECK(resolv_conf(names, host, kPlainHost) == kPlainHost.resolv_conf);
    CHECK(resolv_conf(names, host, kResolvedHost) == kResolvedHost.resolv_conf);
    names.search = {"."};
    CHECK(resolv_conf(names, host, kResolvedHost) == "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
}

TEST_CASE("host-gateway without a default bridge is refused", "[engine]") {
    Snapshot container = named("web");
    container.host.extra_hosts = {"host:host-gateway"};
    CHECK(error_of(hosts_file(container, {}, {})).message.contains("host-gateway"));
}

TEST_CASE("where names resolve the resolver is the only server, and names without dots go to it first", "[engine]") {
    const FileNetwork network{.resolver = true};
    NameSettings names;
    CHECK(resolv_conf(names, network, kPlainHost) ==
          "nameserver 127.0.0.11\nsearch example.com\noptions edns0 ndots:0\n");
    CHECK(resolv_conf(names, network, kResolvedHost) ==
          "nameserver 127.0.0.11\nsearch link.example\noptions ndots:0\n");
    names.servers = {"9.9.9.9"};
    names.search = {"a.example", "b.example"};
    names.options = {"ndots:2", "timeout:1"};
    CHECK(resolv_conf(names, network, kPlainHost) ==
          "nameserver 127.0.0.11\nsearch a.example b.example\noptions ndots:2 timeout:1\n");
}

TEST_CASE("elsewhere the host's servers are asked directly, but none that only the host reaches", "[engine]") {
    const NameSettings names;
    CHECK(resolv_conf(names, {}, kPlainHost) == "nameserver 10.0.0.53\nsearch example.com\noptions edns0\n");
    CHECK(resolv_conf(names, {}, kResolvedHost) == "nameserver 192.0.2.1\nsearch link.example\n");
    CHECK(resolv_conf(names, {.ipv6 = true}, kResolvedHost) ==
          "nameserver 192.0.2.1\nnameserver fd00::1\nsearch link.example\n");
    const HostFiles dnsmasq{.hosts = {}, .resolv_conf = "nameserver 127.0.0.1\nsearch a\n", .uplinks = {}};
    CHECK(resolv_conf(names, {}, dnsmasq) == "nameserver 8.8.8.8\nnameserver 8.8.4.4\nsearch a\n");
    CHECK(resolv_conf(names, {}, {}) == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    CHECK(resolv_conf(names, {.ipv6 = true}, {}).contains("nameserver 2001:4860:4860::8888\n"));
}

TEST_CASE("what the user says about servers takes the place of the host's", "[engine]") {
    NameSettings names;
    names.servers = {"127.0.0.1", "fd00::53"};
    names.search = {"."};
    CHECK(resolv_conf(names, {}, kPlainHost) == "nameserver 127.0.0.1\nnameserver fd00::53\noptions edns0\n");
    CHECK_FALSE(sets_ndots(names));
    names.options = {"ndots:0"};
    CHECK_FALSE(sets_ndots(names));
    names.options = {"timeout:1", "ndots:1"};
    CHECK(sets_ndots(names));
}

TEST_CASE("what a container does not say about servers the engine's configuration says", "[engine]") {
    const Settings engine{.dns = {"9.9.9.9"}, .dns_options = {"timeout:1"}, .dns_search = {"engine.example"}};
    HostConfig container;
    NameSettings names = name_settings(container, engine);
    CHECK(resolv_conf(names, {}, kPlainHost) == "nameserver 9.9.9.9\nsearch engine.example\noptions timeout:1\n");
    CHECK(resolv_conf(names, {.of_host = true}, kPlainHost) ==
          "nameserver 9.9.9.9\nsearch engine.example\noptions timeout:1\n");
    container.dns = {"1.1.1.1"};
    container.dns_search = {"."};
    names = name_settings(container, engine);
    CHECK(resolv_conf(names, {}, kPlainHost) == "nameserver 1.1.1.1\noptions timeout:1\n");
    names = name_settings(container, {});
    CHECK(resolv_conf(names, {}, kPlainHost) == "nameserver 1.1.1.1\noptions edns0\n");
}

TEST_CASE("names and servers that are none are refused", "[engine]") {
    const auto refused = [](const auto &change) {
        HostConfig host;
        change(host);
        return check_name_settings(host).has_value() ? "" : check_name_settings(host).error().message;
    };
    CHECK(refused([](HostConfig &) {}).empty());
    CHECK(refused([](HostConfig &host) {
              host.extra_hosts = {"a:10.0.0.1", "b:host-gateway", "c:[::1]", "d=::1"};
          }).empty());
    CHECK(refused([](HostConfig &host) { host.dns = {"10.0.0.1", "fe80::1%eth0"}; }).empty());
    CHECK(refused([](HostConfig &host) { host.dns = {"example.com"}; }) == "invalid IP address: example.com");
    CHECK(refused([](HostConfig &host) { host.dns_search = {"a\nnameserver 1.1.1.1"}; }).contains("invalid domain"));
    CHECK(refused([](HostConfig &host) { host.dns_options = {""}; }).contains("invalid DNS option"));
    CHECK(refused([](HostConfig &host) { host.extra_hosts = {"db"}; }) == "bad format for add-host: \"db\"");
    CHECK(refused([](HostConfig &host) { host.extra_hosts = {"a b:10.0.0.1"}; }).contains("bad format"));
    CHECK(refused([](HostConfig &host) { host.extra_hosts = {"db:10.0.0"}; }) ==
          "invalid IP address in add-host: \"10.0.0\"");
}

} // namespace ballast::engine
