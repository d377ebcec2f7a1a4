// SPDX-License-Identifier: Apache-2.0
// Static pods: from their manifests to containers that run, and back.
#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/integration/agent/node_fixture.h"

using namespace ballast;
using ballast::agent_tests::NodeFixture;
namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

TEST_CASE_METHOD(NodeFixture, "a static pod runs, follows its manifest, and goes with it", "[agent]") {
    const auto spec = [](const std::string &text) {
        return "  initContainers:\n" +
               container("first", "write, /data/first, \"$(NAME) $(TEXT)\"",
                         "volumeMounts: [{name: data, mountPath: /data}], env: [{name: TEXT, value: " + text +
                             "}, {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]") +
               container("side", "wait", "restartPolicy: Always") + "  containers:\n" +
               container("main", "wait", "volumeMounts: [{name: data, mountPath: /part, subPath: sub}]") +
               "  volumes: [{name: data, emptyDir: {}}]\n  hostAliases: [{ip: 10.1.1.1, hostnames: [alias]}]\n"
               "  terminationGracePeriodSeconds: 1\n";
    };
    manifest("web", spec("one"));
    until([&] { return runs("main"); }, "the pod runs");
    REQUIRE(runs("side"));
    const cri::Container main = *newest("main");
    REQUIRE(main.labels().at("io.kubernetes.pod.name") == "web-node");
    REQUIRE(main.labels().at("io.kubernetes.pod.namespace") == "default");
    const fs::path before = directory_of("main");
    const fs::path volume = before / "volumes/kubernetes.io~empty-dir/data";
    REQUIRE(must(read_file(volume / "first")) == "web-node one");
    REQUIRE(fs::is_directory(volume / "sub"));
    REQUIRE(must(read_file(before / "etc-hosts")).contains("10.1.1.1\talias"));
    REQUIRE(output_of({"exec", main.id(), "/inside", "cat", "/etc/hosts"}).contains("\tweb-node"));
    REQUIRE(output_of({"exec", main.id(), "/inside", "write", "/part/x", "y"}).empty());
    REQUIRE(must(read_file(volume / "sub/x")) == "y");
    REQUIRE(sandboxes().size() == 1);

    manifest("web", spec("two"));
    until([&] { return runs("main") && newest("main")->id() != main.id() && sandboxes().size() == 1; },
          "another pod in its place");
    REQUIRE_FALSE(fs::exists(before));
    REQUIRE(must(read_file(directory_of("main") / "volumes/kubernetes.io~empty-dir/data/first")) == "web-node two");

    no_manifest("web");
    until([&] { return nothing_left(); }, "nothing is left");
    REQUIRE(addresses_taken() == 0);
    stop_agent();
}

TEST_CASE_METHOD(NodeFixture, "pods outlive agent and engine, and are adopted", "[agent]") {
    manifest("one", "  containers:\n" + container("a", "wait"));
    manifest("two", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("b", "wait"));
    until([&] { return runs("a") && runs("b"); }, "both run");
    const std::string a = newest("a")->id(), b = newest("b")->id();
    stop_agent();
    REQUIRE(runs("a"));
    start_agent();
    kill_agent();
    no_manifest("two"); // while nobody looks
    kill();
    start_agent();
    start();
    until([&] { return !newest("b"); }, "what is not wanted any more is gone");
    REQUIRE(runs("a"));
    REQUIRE(newest("a")->id() == a);
    REQUIRE(sandboxes().size() == 1);
}

TEST_CASE_METHOD(NodeFixture, "what happens long after an agent has begun is seen as well", "[agent][.long]") {
    manifest("one", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("a", "wait"));
    until([&] { return runs("a"); }, "it runs");
    std::this_thread::sleep_for(std::chrono::seconds(12)); // by then the runtime is not asked every second any more
    for (int times = 0; times < 2; times++) {
        const std::string before = newest("a")->id();
        REQUIRE(::kill(std::stoi(output_of({"inspect", "-f", "{{.State.Pid}}", before})), SIGKILL) == 0);
        until([&] { return runs("a") && newest("a")->id() != before; }, "another runs in its place");
    }
    REQUIRE_FALSE(agent_log().contains("does not tell"));
    const std::string last = newest("a")->id();
    kill(); // and then the engine
    start();
    REQUIRE(runs("a"));
    REQUIRE(newest("a")->id() == last);
    no_manifest("one");
    until([&] { return nothing_left(); }, "nothing is left");
    stop_agent();
}

TEST_CASE_METHOD(NodeFixture, "containers are restarted as their pod says, and a pod ends", "[agent]") {
    manifest("again", "  restartPolicy: OnFailure\n  containers:\n" + container("bad", "exit, \"3\"") +
                          container("good", "exit, \"0\""));
    manifest("once", "  restartPolicy: Never\n  containers:\n" + container("last", "exit, \"4\""));
    until([&] { return newest("bad") && newest("bad")->metadata().attempt() >= 2; }, "it is started again and again");
    REQUIRE(container_status(newest("bad")->id()).annotations().at("io.kubernetes.container.restartCount") ==
            std::to_string(newest("bad")->metadata().attempt()));
    REQUIRE(newest("good")->metadata().attempt() == 0);
    std::size_t kept = 0;
    for (const cri::Container &container : containers()) {
        kept += container.metadata().name() == "bad" ? 1 : 0;
    }
    REQUIRE(kept <= 3); // the one that runs, the one before, and one that is about to be removed
    until(
        [&] {
            for (const cri::PodSandbox &sandbox : sandboxes()) {
                if (sandbox.metadata().name() == "once-node") {
                    return sandbox.state() == cri::SANDBOX_NOTREADY;
                }
            }
            return false;
        },
        "a pod that has ended has no sandbox that runs");
    REQUIRE(container_status(newest("last")->id()).exit_code() == 4);
    REQUIRE(newest("last")->metadata().attempt() == 0);
}

TEST_CASE_METHOD(NodeFixture, "a pod that loses its sandbox gets another", "[agent]") {
    manifest("web",
             "  initContainers:\n" + container("init", "exit, \"0\"") + "  containers:\n" + container("a", "wait"));
    until([&] { return runs("a"); }, "the pod runs");
    const std::string a = newest("a")->id();
    stop_sandbox(sandboxes().front().id());
    until([&] { return runs("a") && newest("a")->id() != a; }, "its container runs again");
    REQUIRE(newest("a")->metadata().attempt() == 1);
    REQUIRE(newest("init")->metadata().attempt() == 1);
    until([&] { return sandboxes().size() <= 2; }, "two sandboxes at most");
}

TEST_CASE_METHOD(NodeFixture, "hooks run after the start and before the end", "[agent]") {
    must(make_directories(path("notes")));
    manifest("web", "  terminationGracePeriodSeconds: 5\n  containers:\n" +
                        container("a", "wait",
                                  "volumeMounts: [{name: n, mountPath: /notes}], lifecycle: {postStart: {exec: "
                                  "{command: [/inside, write, /notes/start, "
                                  "began]}}, preStop: {exec: {command: [/inside, write, /notes/stop, ended]}}}") +
                        "  volumes: [{name: n, hostPath: {path: " + path("notes").string() + ", type: Directory}}]\n");
    until([&] { return read_file(path("notes/start")).value_or("") == "began"; }, "postStart ran");
    // The hook is known to an agent that never saw the definition.
    until([&] { return runs("a"); }, "it runs");
    kill_agent();
    no_manifest("web");
    start_agent();
    until([&] { return nothing_left(); }, "the pod is gone");
    REQUIRE(must(read_file(path("notes/stop"))) == "ended");
}

TEST_CASE_METHOD(NodeFixture, "what is wrong with one pod is said and harms no other", "[agent]") {
    must(write_file(path("manifests/broken.yaml"),
                    "kind: Pod\napiVersion: v1\nmetadata: {name: x}\nspec: {containers: []}\n"));
    manifest("missing", "  containers:\n  - {name: m, image: \"nothing.invalid/none:1\", imagePullPolicy: Never}\n");
    manifest("typed", "  containers:\n" + container("t", "wait", "volumeMounts: [{name: v, mountPath: /v}]") +
                          "  volumes: [{name: v, hostPath: {path: /dev/null, type: Directory}}]\n");
    manifest("good", "  containers:\n" + container("g", "wait"));
    until([&] { return runs("g"); }, "the good one runs");
    until(
        [&] {
            const std::string text = agent_log();
            return text.contains("broken.yaml: invalid pod: spec.containers: Required value") &&
                   text.contains(
                       "Container image \"nothing.invalid/none:1\" is not present with pull policy of Never") &&
                   text.contains("hostPath type check failed: /dev/null is not a directory");
        },
        "each is told");
    REQUIRE_FALSE(newest("m"));
    REQUIRE_FALSE(newest("t"));
}

TEST_CASE_METHOD(NodeFixture, "a pod whose time is over is ended", "[agent]") {
    manifest("short", "  activeDeadlineSeconds: 2\n  terminationGracePeriodSeconds: 1\n  containers:\n" +
                          container("a", "wait"));
    until([&] { return runs("a"); }, "it runs");
    until(
        [&] {
            return newest("a")->state() == cri::CONTAINER_EXITED &&
                   sandboxes().front().state() == cri::SANDBOX_NOTREADY;
        },
        "it ends");
    REQUIRE(agent_log().contains("DeadlineExceeded"));
}
