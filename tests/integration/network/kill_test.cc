// SPDX-License-Identifier: Apache-2.0
// SIGKILL between any two steps of what happens to networks and their containers: files, interfaces, namespaces and
// rules agree afterwards.
#include <algorithm>
#include <thread>

#include "tests/integration/network/host_fixture.h"
#include "tests/integration/network/killed_step.h"

namespace ballast::network_tests {
namespace {

using Names = std::set<std::string>;

SandboxWish wish_of(char number) {
    return {.container_id = HostFixture::id(number),
            .container_name = std::string("c") + number,
            .endpoints = {{.network = "made"}, {.network = "bridge"}},
            .ports = {port_request(80, 8080)}};
}

Names interfaces(const char *kind) {
    Names names;
    const std::string said = output_in(HostFixture::host(), {"ip", "-br", "link", "show", "type", kind});
    for (std::size_t at = 0; at < said.size(); at = said.find('\n', at) + 1) {
        const std::string word = said.substr(at, said.find_first_of(" \n", at) - at);
        names.insert(word.substr(0, word.find('@')));
    }
    names.erase("uplink");
    return names;
}

Names files(const fs::path &directory) {
    Names names;
    for (const fs::directory_entry &entry : fs::directory_iterator(directory)) {
        names.insert(entry.path().filename());
    }
    names.erase("forwarding");
    return names;
}

struct World {
    HostFixture host;

    World() { host.open(); }
    // Whether it was killed. No container runs afterwards; `running` did before.
    bool kill_at(int step, const std::function<Status(Networks &)> &work, const Names &running = {}) {
        host.close();
        const Result<bool> killed = testing::killed_at(
            step,
            [this, &running]() -> Status {
                host.open({}, running);
                return {};
            },
            [this, &work] { return work(host.networks()); });
        host.open();
        return must(killed);
    }
    void check() {
        CHECK(host.warnings.empty());
        Names bridges, records;
        const std::string table = output_in(HostFixture::host(), {"nft", "list", "table", "inet", "ballast"});
        for (const Network &network : host.networks().list()) {
            if (network.driver == Driver::kBridge) {
                bridges.insert(network.bridge);
                records.insert(network.id + ".json");
                CHECK(table.contains("\"" + network.bridge + "\""));
            }
        }
        CHECK(interfaces("bridge") == bridges);
        CHECK(files(host.root() / "data" / "networks") == records);
        CHECK(host.networks().sandboxes().empty());
        CHECK(files(host.root() / "run" / "network").empty());
        CHECK(files(host.root() / "run" / "netns").empty());
        CHECK_FALSE(table.contains("8080"));
        while (!interfaces("veth").empty()) { // in the background; the test's own time limit ends a wait in vain
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    bool there() { return host.networks().find("made").has_value(); }
};

} // namespace

TEST_CASE("a network is made and removed wholly or not at all, between whatever steps the daemon is killed", "[root]") {
    World world;
    std::set<bool> made, removed;
    bool killed = true;
    for (int step = 0; killed; step++) {
        CAPTURE(step);
        killed = world.kill_at(step, [](Networks &networks) -> Status {
            TRY(networks.create({.name = "made", .ipv6 = true}));
            return {};
        });
        world.check();
        made.insert(world.there());
        if (world.there()) {
            must(world.host.networks().remove("made"));
        }
    }
    killed = true;
    for (int step = 0; killed; step++) {
        CAPTURE(step);
        if (!world.there()) {
            must(world.host.networks().create({.name = "made", .ipv6 = true}));
        }
        killed = world.kill_at(step, [](Networks &networks) { return networks.remove("made"); });
        world.check();
        removed.insert(world.there());
    }
    CHECK(made == std::set{false, true});
    CHECK(removed == std::set{false, true});
}

TEST_CASE("a start that the daemon is killed in leaves nothing, and an end nothing to do", "[root]") {
    World world;
    must(world.host.networks().create({.name = "made"}));
    bool killed = true;
    for (int step = 0; killed; step++) {
        CAPTURE(step);
        killed = world.kill_at(step, [](Networks &networks) -> Status {
            TRY(networks.reserve(wish_of('1')));
            return networks.build(HostFixture::id('1'));
        });
        world.check(); // its program never ran
    }
    killed = true;
    for (int step = 0; killed; step++) {
        CAPTURE(step);
        must(world.host.networks().reserve(wish_of('1')));
        must(world.host.networks().build(HostFixture::id('1')));
        killed = world.kill_at(step,
                               [](Networks &networks) -> Status {
                                   networks.release(HostFixture::id('1'));
                                   return {};
                               },
                               {HostFixture::id('1')});
        world.check();
    }
    must(world.host.networks().remove("made")); // nobody has an address
}

} // namespace ballast::network_tests
