// SPDX-License-Identifier: Apache-2.0
// Published ports and masquerading between the machine's containers and a neighbour of the machine's.
#include <chrono>
#include <thread>

#include "tests/vm/engine/docker_machine.h"
#include "tests/vm/engine/neighbour.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

using Texts = std::vector<std::string>;

// What is asked of whom, and how `reach` answers.
struct Question {
    std::string protocol, address, port, answer;
};

// Those that the neighbour's kernel has; the guest's has all of them.
Texts protocols() {
    Texts names = {"tcp", "udp"};
    if (must(run({.arguments = {BALLAST_REACH_PROGRAM, "has", "sctp"}})).status == 0) {
        names.emplace_back("sctp");
    }
    return names;
}

// The questions as `reach ask` takes them, and the answers that are due.
struct Asked {
    Texts words = {"ask"};
    std::string answers = {};
};
Asked asked(const std::vector<Question> &questions) {
    Asked all;
    for (const Question &one : questions) {
        all.words.insert(all.words.end(), {one.protocol, one.address, one.port});
        all.answers += one.answer + "\n";
    }
    return all;
}

// Each of the lines for every protocol.
std::vector<Question> by_all(const std::vector<Question> &lines) {
    std::vector<Question> questions;
    for (const Question &line : lines) {
        for (const std::string &protocol : protocols()) {
            questions.push_back({protocol, line.address, line.port, line.answer});
        }
    }
    return questions;
}

// Now or soon: servers start, and neighbours look for each other.
template <typename Ask>
void check_answers(const std::string &wanted, const Ask &ask) {
    using namespace std::chrono_literals;
    Completed last;
    for (int round = 0; round < 20 && last.output != wanted; round++) {
        std::this_thread::sleep_for(round == 0 ? 0ms : 500ms);
        last = must(ask());
    }
    INFO(last.errors);
    CHECK(last.output == wanted);
}

void neighbour_asks(const Neighbour &neighbour, const std::vector<Question> &questions) {
    Asked all = asked(questions);
    all.words.insert(all.words.begin(), BALLAST_REACH_PROGRAM);
    check_answers(all.answers, [&] { return run(neighbour.command(all.words)); });
}

void container_asks(Machine &machine, const std::string &container, const std::vector<Question> &questions) {
    const Asked all = asked(questions);
    std::string command = "docker exec " + container + " /reach";
    for (const std::string &word : all.words) {
        command += " " + word;
    }
    check_answers(all.answers, [&] { return machine.run(command); });
}

// "docker run" of a container that has `reach`.
std::string with_reach(const std::string &options, const std::string &command) {
    return "docker run -d --init -v /var/lib/test/reach:/reach:ro " + options + " busybox " + command + " && ";
}

void start_containers(Machine &machine) {
    std::string ports, servers;
    for (const std::string &protocol : protocols()) {
        ports += " -p 8080:80/" + protocol + " -p 127.0.0.1:8081:80/" + protocol + " -p [::1]:8081:80/" + protocol +
                 " -p " + Neighbour::kMachine4 + ":8082:80/" + protocol + " -p [" + Neighbour::kMachine6 +
                 "]:8083:80/" + protocol;
        servers += " " + protocol + " :: 80";
    }
    must(machine.run_checked("docker network create --ipv6 --subnet fd77::/64 dual && " +
                             with_reach("--name web --network dual" + ports, "/reach serve" + servers) +
                             with_reach("--name client --network dual", "sleep 3600") +
                             with_reach("--name plain", "sleep 3600") + "true"));
}

} // namespace

TEST_CASE("another machine reaches published ports, and containers reach it, by IPv4 and IPv6", "[vm]") {
    Machine machine = booted();
    load_busybox(machine);
    const Neighbour neighbour(machine);
    const std::string v4 = Neighbour::kMachine4, v6 = Neighbour::kMachine6;
    const std::string own4 = Neighbour::kOwn4, own6 = Neighbour::kOwn6;
    start_containers(machine);

    // Servers see the neighbour itself. What is for the host's own programs, or for one address, is nowhere else.
    const std::vector<Question> published = by_all({{"", v4, "8080", own4},
                                                    {"", v6, "8080", own6},
                                                    {"", v4, "8082", own4},
                                                    {"", v6, "8083", own6},
                                                    {"", v6, "8082", "nothing"},
                                                    {"", v4, "8083", "nothing"},
                                                    {"", v4, "8081", "nothing"},
                                                    {"", v6, "8081", "nothing"},
                                                    {"", v4, "80", "nothing"},
                                                    {"", v6, "80", "nothing"}});
    neighbour_asks(neighbour, published);
    // Not even by a route of its own to the container.
    const auto address = [&machine](const std::string &field) {
        return said(machine, "docker inspect -f '{{.NetworkSettings.Networks.dual." + field + "}}' web");
    };
    const std::string inner4 = address("IPAddress"), inner6 = address("GlobalIPv6Address");
    must(run_checked(neighbour.command({"ip", "route", "add", inner4, "via", v4})));
    must(run_checked(neighbour.command({"ip", "-6", "route", "add", inner6, "via", v6})));
    neighbour_asks(neighbour, by_all({{"", inner4, "80", "nothing"}, {"", inner6, "80", "nothing"}}));

    // What leaves has the machine's address: the neighbour has no way back to any other.
    Texts server = {BALLAST_REACH_PROGRAM, "serve"};
    for (const std::string &protocol : protocols()) {
        server.insert(server.end(), {protocol, "::", "9000"});
    }
    const Child serving = must(Child::start(neighbour.command(server)));
    const std::vector<Question> outwards = by_all({{"", own4, "9000", v4}, {"", own6, "9000", v6}});
    container_asks(machine, "client", outwards);
    container_asks(machine, "plain", by_all({{"", own4, "9000", v4}}));

    // All of it by the kernel alone: while there is no engine, and once there is one again.
    must(machine.run_checked("systemctl stop ballastd.socket ballastd.service"));
    neighbour_asks(neighbour, published);
    must(machine.run_checked("systemctl start ballastd.socket && docker version"));
    neighbour_asks(neighbour, published);
    container_asks(machine, "client", outwards);
    must(machine.run_checked("docker rm -f web"));
    neighbour_asks(neighbour, by_all({{"", v4, "8080", "nothing"}, {"", v6, "8080", "nothing"}}));
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}
