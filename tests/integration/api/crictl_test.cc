// SPDX-License-Identifier: Apache-2.0
// Streams by the real crictl, over SPDY and over WebSocket: it and critest speak as kubelet's clients do. Without it in
// $BALLAST_PEERS (docs/usage/peers.md) this is skipped.

#include "tests/integration/api/pod_fixture.h"
#include "tests/unit/setting.h"

using namespace ballast;
using ballast::api_tests::PodFixture;

namespace {

namespace fs = std::filesystem;

fs::path given_crictl() {
    fs::path program = given_peers() / "cri-tools/crictl";
    if (!fs::exists(program)) {
        SKIP("BALLAST_PEERS has no cri-tools/crictl: skipped");
    }
    return program;
}

struct Pod : PodFixture {
    std::string crictl;
    std::string pod;

    explicit Pod(const fs::path &program) {
        const std::string socket = "unix://" + (path("run") / "cri.sock").string();
        crictl = program.string() + " -c /dev/null -t 60s -r " + socket + " -i " + socket + " ";
        put("pod.json", R"({"metadata":{"name":"web","namespace":"default","uid":"11-22"}})");
        put("count.json", container("count", R"("args":["count","0"])"));
        put("cat.json", container("cat", R"("args":["cat"],"stdin":true,"stdin_once":true)"));
        pod = ask("runp pod.json");
    }
    void put(const std::string &name, const std::string &text) const { must(write_file(path(name), text)); }
    static std::string container(const std::string &name, const std::string &more) {
        return R"({"metadata":{"name":")" + name + R"("},"image":{"image":"inside"},)" + more + "}";
    }
    // What a line of it says; what stands before and behind it is the shell's.
    std::string ask(const std::string &words, const std::string &before = "", const std::string &behind = "") const {
        std::string said = shell(before + crictl + words + " 2>/dev/null " + behind);
        said.erase(said.find_last_not_of("\r\n") + 1);
        return said;
    }
    std::string start(const std::string &file) const {
        std::string id = ask("create " + pod + " " + file + " pod.json");
        ask("start " + id);
        return id;
    }
};

} // namespace

TEST_CASE("the real crictl has the streams of containers and the ports of pods", "[api][cri][root]") {
    const Pod pod(given_crictl());
    must(make_directories(pod.path("served")));
    const std::string count = pod.start("count.json");
    CHECK(pod.ask("exec -s " + count + " /inside id") == "0 0");
    const Child server =
        must(Child::start({.arguments = {"nsenter", "--net=" + (pod.path("run/pods") / pod.pod).string(), "python3",
                                         "-m", "http.server", "--bind", "127.0.0.1", "8080"},
                           .directory = pod.path("served"),
                           .log = pod.path("server")}));
    for (const std::string transport : {"spdy", "websocket"}) {
        CAPTURE(transport);
        const std::string exec = "exec -r " + transport + " ";
        CHECK(pod.ask(exec + count + " /inside echo out") == "out");
        CHECK(pod.shell(pod.crictl + exec + count + " /inside exit 7 2>&1 || true").contains("exit code 7"));
        CHECK(pod.ask(exec + "-i " + count + " /inside cat", "echo from here | ") == "from here");
        CHECK(pod.ask(exec + "-i " + count + " /inside cat", "head -c 3000000 /dev/zero | ", "| wc -c") == "3000000");
        CHECK(pod.shell("script -qec 'stty rows 31 cols 97; " + pod.crictl + exec + "-it " + count +
                        " /inside size 31' /dev/null </dev/null")
                  .contains("31 97"));
        const std::string cat = pod.start("cat.json");
        CHECK(pod.ask("attach -r " + transport + " -i " + cat, "(sleep 1; echo attached) | ") == "attached");
        pod.ask("rm -f " + cat);
        CHECK(
            pod.shell(pod.crictl + "port-forward -r " + transport + " " + pod.pod +
                      " :8080 >forward 2>&1 & forward=$!; for i in $(seq 300); do grep -q Forwarding forward && break; "
                      "sleep .1; done; port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) .*/\\1/p' forward | head -n 1); "
                      "python3 -c \"import urllib.request; "
                      "print(urllib.request.urlopen('http://127.0.0.1:$port/').status)\"; kill $forward")
                .contains("200"));
    }
}
