// SPDX-License-Identifier: Apache-2.0
// SIGKILL of the daemon at moments spread over all that happens to networks and containers on them: the next one finds
// and mends or removes what is left, and who runs meanwhile notices nothing.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "tests/integration/api/daemon_fixture.h"

using namespace ballast;
using ballast::api_tests::DaemonFixture;

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kKills = 8;

// From nothing to nothing by way of everything.
constexpr const char *kCycle = "docker network create --ipv6 --subnet fd77::/64 made;"
                               "docker network connect made other;"
                               "docker run -d --name fresh --network made -p 8090:80 inside wait;"
                               "docker network disconnect made other;"
                               "docker network connect side fresh;"
                               "docker rm -f fresh;"
                               "docker network rm made";

// What does not fit together: bridges and networks; interfaces, namespaces and records, and what runs; ports. Says
// nothing when all is well.
constexpr const char *kLeftovers = R"sh(
diff <(ip -br link show type bridge | cut -d ' ' -f 1 | sort) \
     <(docker network ls --no-trunc --filter driver=bridge --format '{{.ID}} {{.Name}}' |
       while read -r id name; do [ "$name" = bridge ] && echo ballast0 || echo "br-${id:0:12}"; done | sort) ||
    echo 'bridges and networks differ'
running=$(docker ps -q --no-trunc | sort)
[ "$(ip -br link show type veth | wc -l)" = "$(docker inspect -f '{{range .NetworkSettings.Networks}}x
{{end}}' $running | grep -c x)" ] ||
    echo 'interfaces and endpoints differ'
diff <(ls run/netns | sort) <(echo "$running") || echo 'namespaces and what runs differ'
diff <(ls run/network/*.json | sed 's|.*/||;s|\.json||' | sort) <(echo "$running") || echo 'records and what runs differ'
[ "$(nft list map inet ballast published_any4 2>/dev/null | grep -c '8090')" = "$(docker ps -q --filter publish=8090 | wc -l)" ] ||
    echo 'rules and ports differ'
ls run/network data/networks | grep -v -e '\.json$' -e :$ -e '^$' -e '^forwarding$'
true)sh";

struct World {
    DaemonFixture fixture;
    std::optional<Child> connection;
    std::string address;

    World() {
        const std::string mount = std::string(BALLAST_REACH_PROGRAM) + ":/reach:ro";
        fixture.shell("docker network create side && docker run -d --name other --network side inside wait && "
                      "docker run -d --name server --entrypoint /reach -v " +
                      mount + " -p 8080:80 inside serve tcp 0.0.0.0 80 && mkfifo lines");
        address = addresses();
        const std::string gateway =
            fixture.output_of({"network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge"});
        connection = must(Child::start({.arguments = {BALLAST_REACH_PROGRAM, "hold", "tcp", gateway, "8080", "lines"},
                                        .directory = fixture.path(""),
                                        .log = fixture.path("held")}));
        REQUIRE(DaemonFixture::eventually([this] { return answers() == 1; }));
    }
    std::string addresses() const {
        return fixture.shell("docker inspect -f '{{.State.Pid}} {{range $n, $e := .NetworkSettings.Networks}}{{if ne "
                             "$n \"made\"}}{{$n}} {{$e.IPAddress}} {{$e.MacAddress}} {{end}}{{end}}' other server");
    }
    long answers() const {
        const std::string said = read_file(fixture.path("held")).value_or("");
        return std::ranges::count(said, '\n');
    }
    // All of the cycle, or as far as it comes.
    void cycle() const { (void)must(run(fixture.command({"bash", "-c", kCycle}))); }
    void tidy() const {
        fixture.shell("docker rm -f fresh; docker network disconnect -f made other; docker network rm made; true");
    }
    std::string leftovers() const {
        std::string found;
        (void)DaemonFixture::eventually([&] { // interfaces go in the background
            found = fixture.shell(kLeftovers);
            return found.empty();
        });
        return found;
    }
};

} // namespace

TEST_CASE("a daemon that is killed at any moment leaves nothing that the next one does not mend", "[api][root]") {
    World world;
    const Clock::time_point began = Clock::now();
    world.cycle();
    const auto whole = Clock::now() - began;
    REQUIRE(world.leftovers().empty());
    for (int kill = 0; kill < kKills; kill++) {
        CAPTURE(kill);
        {
            const std::jthread client([&world] { world.cycle(); });
            std::this_thread::sleep_for(whole * kill / kKills);
            world.fixture.kill();
        }
        world.fixture.start();
        INFO(world.fixture.log());
        CHECK(world.leftovers() == "");
        CHECK(world.addresses() == world.address);
        const long before = world.answers();
        world.fixture.shell("echo >lines");
        CHECK(DaemonFixture::eventually([&] { return world.answers() == before + 1; }));
        world.tidy();
        CHECK(world.leftovers() == "");
    }
    world.cycle(); // and all of it works
    CHECK(world.leftovers() == "");
}
