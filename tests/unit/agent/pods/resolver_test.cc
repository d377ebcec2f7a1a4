// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/resolver.h"

#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using namespace ballast::agent::tests;

namespace {

const std::string kOne = "  containers: [{name: a, image: i}]\n";
const DnsConfig kHost{.servers = {"192.0.2.1"}, .searches = {"example.org"}, .options = {"edns0"}};
const ClusterDns kCluster{.servers = {"10.96.0.10"}, .domain = "cluster.local", .host = kHost};

} // namespace

TEST_CASE("the node's resolver file is read", "[agent]") {
    const DnsConfig config = parse_resolv_conf(
        "# a comment\nnameserver 192.0.2.1 # more\nnameserver ::1\nsearch a b\noptions ndots:2 edns0\n");
    REQUIRE(config.servers == Texts{"192.0.2.1", "::1"});
    REQUIRE(config.searches == Texts{"a", "b"});
    REQUIRE(config.options == Texts{"ndots:2", "edns0"});
}

TEST_CASE("a pod's resolver follows its policy", "[agent]") {
    std::string warning;
    const DnsConfig cluster = dns_of(pod_of(kOne), kCluster, &warning);
    REQUIRE(cluster.servers == Texts{"10.96.0.10"});
    REQUIRE(cluster.searches ==
            Texts{"default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"});
    REQUIRE(cluster.options == Texts{"ndots:5"});
    REQUIRE(warning.empty());
    REQUIRE(dns_of(pod_of(kOne + "  dnsPolicy: Default\n"), kCluster, &warning).servers == kHost.servers);
    REQUIRE(dns_of(pod_of(kOne + "  hostNetwork: true\n"), kCluster, &warning).servers == kHost.servers);
    REQUIRE(dns_of(pod_of(kOne + "  hostNetwork: true\n  dnsPolicy: ClusterFirstWithHostNet\n"), kCluster, &warning)
                .servers == Texts{"10.96.0.10"});
    REQUIRE(warning.empty());
    REQUIRE(dns_of(pod_of(kOne), {.servers = {}, .domain = {}, .host = kHost}, &warning).servers == kHost.servers);
    REQUIRE(warning.contains("Falling back to \"Default\" policy"));
}

TEST_CASE("a pod's own resolver settings come on top", "[agent]") {
    const DnsConfig dns = dns_of(pod_of(kOne + "  dnsConfig: {nameservers: [1.1.1.1], searches: [x], options: [{name: "
                                               "ndots, value: '2'}, {name: edns0}]}\n"),
                                 kCluster, nullptr);
    REQUIRE(dns.servers == Texts{"10.96.0.10", "1.1.1.1"});
    REQUIRE(dns.searches.back() == "x");
    REQUIRE(dns.options == Texts{"ndots:2", "edns0"});
    const DnsConfig none =
        dns_of(pod_of(kOne + "  dnsPolicy: None\n  dnsConfig: {nameservers: [1.1.1.1]}\n"), kCluster, nullptr);
    REQUIRE(none.servers == Texts{"1.1.1.1"});
    REQUIRE(none.searches.empty());
}

TEST_CASE("a pod has a name", "[agent]") {
    REQUIRE(must(hostname_of(pod_of(kOne), "cluster.local", "node")) == "web");
    REQUIRE(must(hostname_of(pod_of(kOne + "  hostname: db\n"), "cluster.local", "node")) == "db");
    REQUIRE(must(hostname_of(pod_of(kOne + "  hostNetwork: true\n"), "cluster.local", "node")) == "node");
    REQUIRE(must(hostname_of(pod_of(kOne, std::string(62, 'a') + "-b"), "cluster.local", "node")) ==
            std::string(62, 'a'));
    const std::string named = kOne + "  subdomain: sub\n  setHostnameAsFQDN: true\n";
    REQUIRE(must(hostname_of(pod_of(named), "cluster.local", "node")) == "web.sub.default.svc.cluster.local");
    REQUIRE(error_of(hostname_of(pod_of(named, std::string(60, 'a')), "cluster.local", "node"))
                .message.contains("too long"));
}

TEST_CASE("the hosts file of a pod holds its name and its aliases", "[agent]") {
    const Pod pod = pod_of(kOne + "  hostAliases: [{ip: 10.1.1.1, hostnames: [one, two]}]\n");
    const std::string file = hosts_file(pod, "10.77.0.2", "web", "cluster.local", "");
    REQUIRE(file.starts_with("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
    REQUIRE(file.ends_with("10.77.0.2\tweb\n\n# Entries added by HostAliases.\n10.1.1.1\tone\ttwo\n"));
    REQUIRE(hosts_file(pod_of(kOne + "  subdomain: sub\n"), "10.77.0.2", "web", "cluster.local", "")
                .ends_with("10.77.0.2\tweb.sub.default.svc.cluster.local\tweb\n"));
    REQUIRE(hosts_file(pod_of(kOne + "  hostNetwork: true\n"), "10.0.0.1", "node", "", "1.2.3.4 me\n") ==
            "# Kubernetes-managed hosts file (host network).\n1.2.3.4 me\n");
}
