// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/attachment.h"

#include "runtime/cni/cache.h"
#include "runtime/cni/names.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::cni;

namespace {

Configuration pods() {
    return must(parse_configuration(
        R"({"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"bridge","bridge":"b0","capabilities":{"ipRanges":true}},
            {"type":"portmap","capabilities":{"portMappings":true}}]})",
        "x"));
}

Wishes everything() {
    return {.ports = {{.host = 8080, .container = 80},
                      {.host = 53, .container = 53, .protocol = "udp", .host_address = "10.0.0.1"}},
            .bandwidth = Bandwidth{.ingress_rate = 1000, .ingress_burst = 2000},
            .dns = Dns{.servers = {"10.0.0.2"}, .searches = {"a.b"}},
            .ranges = {{*network::Subnet::parse("10.1.0.0/16")}, {*network::Subnet::parse("fd00::/64")}}};
}

const std::string kResult = R"({"cniVersion":"1.0.0","interfaces":[{"name":"b0"},{"name":"eth0","sandbox":"/n"}],
    "ips":[{"address":"10.9.9.9/24","interface":0},{"address":"10.1.0.5/16","gateway":"10.1.0.1","interface":1},
    {"address":"fd00::5/64"}],"dns":{"nameservers":["10.1.0.1"]}})";

} // namespace

TEST_CASE("names for network plugins are safe as parts of a path", "[cni]") {
    CHECK(is_name("k8s_pod-1.x"));
    for (const char *wrong : {"", ".", "..", "-x", "a/b", "a b", "a\n"}) {
        CAPTURE(wrong);
        CHECK_FALSE(is_name(wrong));
        CHECK_FALSE(is_plugin_type(wrong));
    }
    CHECK_FALSE(is_name(std::string(129, 'x')));
    CHECK(is_interface_name("eth0.7"));
    for (const char *wrong : {"", ".", "..", "a/b", "a:b", "a b", "0123456789abcdef"}) {
        CAPTURE(wrong);
        CHECK_FALSE(is_interface_name(wrong));
    }
}

TEST_CASE("an argument for network plugins cannot become another one", "[cni]") {
    Attachment attachment{.container = "c", .network_namespace = "/n", .arguments = {{"A", "1"}, {"B", ""}}};
    must(check_attachment(attachment));
    CHECK(arguments_text(attachment) == "A=1;B=");
    for (const char *wrong : {"x;K8S_POD_UID=y", "x=y", "x\ny"}) {
        attachment.arguments = {{"A", wrong}};
        CHECK(error_of(check_attachment(attachment)).code == EINVAL);
    }
    attachment.arguments = {{"", "x"}};
    CHECK(error_of(check_attachment(attachment)).code == EINVAL);
}

TEST_CASE("a network plugin is told the wishes that it can fulfil, and no others", "[cni]") {
    const Configuration configuration = pods();
    const std::string wishes = wishes_json(everything());
    CHECK(plugin_input(configuration, configuration.plugins[0], wishes, "") ==
          R"({"type":"bridge","bridge":"b0","cniVersion":"1.0.0","name":"pods",)"
          R"("runtimeConfig":{"ipRanges":[[{"subnet":"10.1.0.0/16"}],[{"subnet":"fd00::/64"}]]}})");
    CHECK(plugin_input(configuration, configuration.plugins[1], wishes, R"({"ips":[]})") ==
          R"({"type":"portmap","cniVersion":"1.0.0","name":"pods","runtimeConfig":{"portMappings":[)"
          R"({"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""},)"
          R"({"hostPort":53,"containerPort":53,"protocol":"udp","hostIP":"10.0.0.1"}]},"prevResult":{"ips":[]}})");
    CHECK(plugin_input(configuration, configuration.plugins[1], wishes_json({}), "") ==
          R"({"type":"portmap","cniVersion":"1.0.0","name":"pods"})");
    CHECK(wishes.contains(R"("bandwidth":{"ingressRate":1000,"ingressBurst":2000})"));
    CHECK(wishes.contains(R"("dns":{"servers":["10.0.0.2"],"searches":["a.b"],"options":[]})"));
}

TEST_CASE("a container's addresses are those of its own interfaces", "[cni]") {
    const Attached attached = must(parse_attached(kResult, "bridge"));
    REQUIRE(attached.addresses.size() == 2);
    CHECK(attached.addresses[0].text() == "10.1.0.5");
    CHECK(attached.addresses[1].text() == "fd00::5");
    CHECK(attached.dns.servers == std::vector<std::string>{"10.1.0.1"});
    CHECK(must(parse_attached("{}", "tuning")).addresses.empty());
}

TEST_CASE("what is no network result is refused with its plugin's name", "[cni]") {
    for (const char *wrong : {"", "no", "[]", R"({"ips":[{"address":"10.0.0.1"}]})", R"({"ips":[{}]})", R"({"ips":7})",
                              R"({"ips":[{"address":"10.0.0.1/8","interface":3}],"interfaces":[]})"}) {
        CAPTURE(wrong);
        const Error error = error_of(parse_attached(wrong, "bridge"));
        CHECK(error.code == EBADMSG);
        CHECK(error.message.starts_with("bridge:"));
    }
}

TEST_CASE("what is known of attachments survives, and a broken file harms its own only", "[cni]") {
    const TemporaryDirectory place = scratch();
    const Cache cache(place.path() / "cache");
    CHECK(must(cache.read()).entries.empty());
    CacheEntry entry{.configuration = pods(),
                     .attachment = {.container = "c1", .network_namespace = "/run/n", .arguments = {{"K", "v"}}},
                     .wishes = wishes_json(everything()),
                     .result = {}};
    must(cache.write(entry));
    entry.attachment.container = "c2";
    entry.result = kResult;
    must(cache.write(entry));
    must(write_file(place.path() / "cache/pods-c3-eth0", "{"));
    must(write_file(place.path() / "cache/.ballast.x", "half"));

    const Cache::Read read = must(cache.read());
    REQUIRE(read.entries.size() == 2);
    CHECK(read.entries[0].result.empty());
    CHECK(read.entries[1].attachment.container == "c2");
    CHECK(read.entries[1].attachment.network_namespace == "/run/n");
    CHECK(read.entries[1].attachment.arguments == entry.attachment.arguments);
    CHECK(read.entries[1].configuration.json == entry.configuration.json);
    CHECK(read.entries[1].wishes == entry.wishes);
    CHECK(must(parse_attached(read.entries[1].result, "x")).addresses.size() == 2);
    REQUIRE(read.problems.size() == 1);
    CHECK(read.problems[0].contains("pods-c3-eth0"));
    must(cache.remove(entry));
    must(cache.remove(entry));
    CHECK(must(cache.read()).entries.size() == 1);
}
