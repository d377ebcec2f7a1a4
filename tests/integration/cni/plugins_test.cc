// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <thread>
#include <unistd.h>

#include "base/subprocess.h"
#include "runtime/cni/chain.h"
#include "tests/integration/network/own_host.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::cni;
using namespace ballast::testing;

namespace {

// Debian's plugins on a host of the test's own.
struct Fixture {
    OwnHost host;
    Fd container = new_network_namespace();
    TemporaryDirectory place = scratch();
    Chain chain{{}, place.path() / "cache"};

    std::filesystem::path netns() const {
        return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(container.get());
    }
    Configuration configuration(const std::string &more = "") const {
        return must(parse_configuration(R"({"cniVersion":"1.0.0","name":"pods","plugins":[
            {"type":"bridge","bridge":"pods0","isGateway":true,"capabilities":{"ipRanges":true},
             "ipam":{"type":"host-local","dataDir":")" +
                                            (place.path() / "addresses").string() +
                                            R"(","routes":[{"dst":"0.0.0.0/0"}]}})" + more + "]}",
                                        "x"));
    }
    Attachment attachment() const {
        return {.container = "pod1",
                .network_namespace = netns(),
                .arguments = {{"IgnoreUnknown", "1"}, {"K8S_POD_NAME", "web"}},
                .wishes = {.ranges = {{*network::Subnet::parse("10.77.0.0/24")}}}};
    }
    std::string inside(const std::vector<std::string> &words) const {
        std::string output;
        std::thread([&] {
            REQUIRE(setns(container.get(), CLONE_NEWNET) == 0);
            output = must(run_checked({.arguments = words}));
        }).join();
        return output;
    }
    std::size_t addresses_taken() const {
        std::size_t count = 0;
        for (const auto &entry : std::filesystem::directory_iterator(place.path() / "addresses/pods")) {
            count += entry.path().filename().string().starts_with("10.") ? 1 : 0;
        }
        return count;
    }
};

} // namespace

TEST_CASE("a pod gets an address and a route from Debian's bridge plugin, and gives them back", "[root][cni]") {
    Fixture fixture;
    const Configuration configuration = fixture.configuration();
    const Attached attached = must(fixture.chain.add(configuration, fixture.attachment()));
    REQUIRE(attached.addresses.size() == 1);
    CHECK(attached.addresses[0].text() == "10.77.0.2");
    CHECK(fixture.inside({"ip", "-brief", "address", "show", "eth0"}).contains("10.77.0.2/24"));
    CHECK(fixture.inside({"ip", "route"}).contains("default via 10.77.0.1"));
    CHECK(fixture.addresses_taken() == 1);
    must(fixture.chain.check("pod1"));

    SECTION("what is missing afterwards is noticed") {
        (void)fixture.inside({"ip", "link", "delete", "eth0"});
        CHECK_FALSE(fixture.chain.check("pod1").has_value());
    }
    must(fixture.chain.remove("pod1", fixture.netns()));
    CHECK_FALSE(fixture.inside({"ip", "-brief", "link"}).contains("eth0"));
    CHECK(fixture.addresses_taken() == 0);
}

TEST_CASE("a pod whose network namespace is gone gives its address back", "[root][cni]") {
    Fixture fixture;
    (void)must(fixture.chain.add(fixture.configuration(), fixture.attachment()));
    const auto gone = fixture.netns();
    fixture.container.close();
    Chain later({}, fixture.place.path() / "cache"); // another engine
    must(later.collect_garbage(nullptr, [](const std::string &) { return false; }));
    CHECK(fixture.addresses_taken() == 0);
    CHECK(must(later.known()).empty());
}

TEST_CASE("a pod that gets no address leaves nothing behind", "[root][cni]") {
    Fixture fixture;
    const Configuration configuration = fixture.configuration(R"(,{"type":"tuning","sysctl":{"net.no.such":"1"}})");
    const Error error = error_of(fixture.chain.add(configuration, fixture.attachment()));
    CHECK(error.message.starts_with("network pods: tuning: "));
    CHECK(fixture.addresses_taken() == 0);
    CHECK_FALSE(fixture.inside({"ip", "-brief", "link"}).contains("eth0"));
    CHECK(must(fixture.chain.known()).empty());
}

TEST_CASE("the versions that Debian's plugins speak are known", "[cni]") {
    for (const char *type : {"bridge", "host-local", "loopback", "portmap", "bandwidth", "firewall", "tuning"}) {
        CAPTURE(type);
        const std::vector<std::string> versions = must(versions_of({}, type));
        CHECK(std::ranges::contains(versions, "1.0.0"));
    }
}
