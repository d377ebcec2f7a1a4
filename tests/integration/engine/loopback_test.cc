// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>

#include "runtime/network/loopback/hooks.h"
#include "tests/integration/engine/engine_fixture.h"
#include "tests/integration/network/dns_fixture.h"
#include "tests/integration/network/host_fixture.h"
#include "tests/integration/network/own_cgroup.h"

// Ports of containers at the loopback addresses of the host.
namespace ballast::engine_tests {
namespace {

using network::Protocol;
using network_tests::ask_from;
using network_tests::Server;

// An engine whose host has a loopback device, and its programs' cgroup.
struct World {
    testing::OwnCgroup cgroup;
    EngineFixture fixture{true, cgroup.path()};
    bool up = testing::loopback_up();

    std::string start(const std::string &name, const std::vector<engine::PortBinding> &bindings) {
        engine::CreateRequest request = fixture.request({"wait"}, name);
        request.host.network_mode = "default";
        request.host.port_bindings["80/tcp"] = request.host.port_bindings["80/udp"] = bindings;
        const std::string id = must(fixture.engine().create(std::move(request))).id;
        must(fixture.engine().start(id));
        return id;
    }
    fs::path place(const std::string &container) {
        return must(fixture.engine().inspect(container)).network_sandbox_key;
    }
    unsigned attached() const {
        const Fd directory = must(open_file(cgroup.path(), O_RDONLY | O_DIRECTORY));
        unsigned count = 0;
        for (const network::loopback::Hook &hook : network::loopback::hooks()) {
            count += static_cast<unsigned>(bpf::attached(directory, hook.kind).value().size());
        }
        return count;
    }
};

// From where a server in the container sees the host's program that asked at the address; empty: it is not reached.
std::string reached(const char *address, std::uint16_t port = 8080, Protocol protocol = Protocol::kTcp) {
    return ask_from(network_tests::HostFixture::host(), protocol, address, port);
}

} // namespace

TEST_CASE("published ports are at the host's loopback addresses as long as their container runs", "[root][loopback]") {
    World world;
    const std::string id = world.start("web", {{.host_ip = "", .host_port = "8080"}});
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
        const Server server(world.place(id), protocol, "0.0.0.0", 80);
        CHECK(reached("127.0.0.1", 8080, protocol) == "172.17.0.1");
        CHECK(reached("::1", 8080, protocol) == "172.17.0.1");
        CHECK(reached("127.0.0.1", 8081, protocol).empty());
    }
    must(world.fixture.engine().stop(id, "", 1));
    CHECK(reached("127.0.0.1").empty());
    CHECK(world.attached() == 0);
    must(world.fixture.engine().start(id));
    const Server server(world.place(id), Protocol::kTcp, "0.0.0.0", 80);
    CHECK(reached("127.0.0.1") == "172.17.0.1");
    must(world.fixture.engine().remove(id, {.force = true}));
    CHECK(world.attached() == 0);
}

TEST_CASE("a port on one loopback address is there, and nowhere else", "[root][loopback]") {
    World world;
    const std::string id = world.start("web", {{.host_ip = "127.0.0.2", .host_port = "8080"}});
    const Server server(world.place(id), Protocol::kTcp, "0.0.0.0", 80);
    CHECK(reached("127.0.0.2") == "172.17.0.1");
    CHECK(reached("127.0.0.1").empty());
    CHECK(reached("172.17.0.1").empty());
}

TEST_CASE("without an engine loopback ports go on, and the next one takes them over", "[root][loopback]") {
    World world;
    const std::string id = world.start("web", {{.host_ip = "", .host_port = "8080"}});
    const std::string ended = world.start("ended", {{.host_ip = "", .host_port = "8081"}});
    const Server server(world.place(id), Protocol::kTcp, "0.0.0.0", 80);
    const int pid = must(world.fixture.engine().inspect(ended)).state.pid;
    world.fixture.close();
    CHECK(reached("127.0.0.1") == "172.17.0.1");
    REQUIRE(kill(pid, SIGKILL) == 0);
    world.fixture.open();
    CHECK(world.fixture.engine().warnings().empty());
    CHECK(world.attached() == network::loopback::hooks().size());
    CHECK(reached("127.0.0.1") == "172.17.0.1");
    must(world.fixture.engine().wait("ended", engine::WaitCondition::kNotRunning));
    CHECK(reached("127.0.0.1", 8081).empty());
}

TEST_CASE("loopback ports follow a container whose default route moves", "[root][loopback]") {
    World world;
    // A bridge that has had no port before: not even its first packet is lost.
    must(world.fixture.engine().create_network({.name = "another", .pools = {{.subnet = "10.5.0.0/24"}}}));
    const std::string id = world.start("web", {{.host_ip = "", .host_port = "8080"}});
    const Server server(world.place(id), Protocol::kTcp, "0.0.0.0", 80);
    must(world.fixture.engine().connect_network("another", id, {}));
    CHECK(reached("127.0.0.1") == "10.5.0.1");
    must(world.fixture.engine().disconnect_network("another", id, false));
    CHECK(reached("127.0.0.1") == "172.17.0.1");
}

} // namespace ballast::engine_tests
