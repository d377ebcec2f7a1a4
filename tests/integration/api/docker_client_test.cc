// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/api/daemon_fixture.h"

using namespace ballast;
using ballast::api_tests::DaemonFixture;

TEST_CASE("the docker command knows the engine", "[api][root]") {
    const DaemonFixture fixture;
    REQUIRE(fixture.output_of({"version", "--format", "{{.Server.APIVersion}} {{.Server.MinAPIVersion}}"}) ==
            "1.45 1.24");
    REQUIRE(fixture.output_of({"info", "--format", "{{.Driver}} {{.LiveRestoreEnabled}} {{.OSType}} {{.Images}}"}) ==
            "overlay2 true linux 1");
    const Completed info = fixture.docker({"info"});
    REQUIRE(info.status == 0);
    REQUIRE(info.output.contains("Server Version: "));
    REQUIRE(info.output.contains("Live Restore Enabled: true"));
}

TEST_CASE("of many programs that end at once, every end is seen", "[api][root]") {
    const DaemonFixture fixture;
    // Four times ten side by side; a status that gets lost would keep its client waiting.
    const std::string ends =
        fixture.shell("for round in 1 2 3 4; do for i in 1 2 3 4 5 6 7 8 9 10; do "
                      "{ timeout 60 docker run --rm --network none inside exit 7; echo $?; } & done; wait; done "
                      "| sort | uniq -c");
    INFO(ends << fixture.log());
    REQUIRE(ends.contains(" 40 7"));
    REQUIRE(fixture.output_of({"ps", "-aq"}).empty());
}

TEST_CASE("docker run prints what the program prints and ends as it ends", "[api][root]") {
    const DaemonFixture fixture;
    const Completed echo = fixture.docker({"run", "--rm", "--network", "none", "inside", "echo", "hello", "trouble"});
    INFO(echo.errors << fixture.log());
    REQUIRE(echo.status == 0);
    REQUIRE(echo.output == "hello\n");
    REQUIRE(echo.errors == "trouble\n");
    REQUIRE(fixture.docker({"run", "--rm", "--network", "none", "inside", "exit", "7"}).status == 7);
    // What could not be started is removed as well, and the client waits for that.
    REQUIRE(fixture.docker({"run", "--rm", "--network", "none", "--entrypoint", "/nosuch", "inside"}).status == 127);
    REQUIRE(fixture.output_of({"ps", "-aq"}).empty());
    REQUIRE(fixture.output_of({"run", "-i", "--rm", "--network", "none", "inside", "cat"}, "through and back\n") ==
            "through and back");
    REQUIRE(fixture.output_of({"run", "-t", "--rm", "--network", "none", "inside", "echo", "terminal", "too"})
                .contains("terminal\r"));
    // Removed by --rm, each of them.
    REQUIRE(fixture.output_of({"ps", "-aq"}).empty());
}

TEST_CASE("large input and output pass whole", "[api][root]") {
    const DaemonFixture fixture;
    std::string text;
    for (int line = 0; line < 100'000; line++) {
        text += "line " + std::to_string(line) + "\n";
    }
    REQUIRE(fixture.docker({"run", "-i", "--rm", "--network", "none", "inside", "cat"}, text).output == text);
}

TEST_CASE("errors are what users of docker know", "[api][root]") {
    const DaemonFixture fixture;
    const Completed missing = fixture.docker({"inspect", "nothing"});
    REQUIRE(missing.status == 1);
    REQUIRE(missing.errors.contains("No such object: nothing"));
    REQUIRE(fixture.docker({"start", "nothing"}).errors.contains("No such container: nothing"));
    const Completed program = fixture.docker({"run", "--network", "none", "--entrypoint", "/absent", "inside"});
    REQUIRE(program.status == 127);
    const Completed denied = fixture.docker({"run", "--network", "none", "--entrypoint", "/etc/passwd", "inside"});
    REQUIRE(denied.status == 126);
    fixture.output_of({"create", "--name", "taken", "--network", "none", "inside", "exit", "0"});
    const Completed again = fixture.docker({"create", "--name", "taken", "--network", "none", "inside", "exit", "0"});
    REQUIRE(again.status != 0);
    REQUIRE(again.errors.contains("is already in use"));
}

TEST_CASE("a container in the background is listed, asked, entered, stopped and removed", "[api][root]") {
    const DaemonFixture fixture;
    const std::string id =
        fixture.output_of({"run", "-d", "--name", "web", "--network", "none", "-l", "a=b", "inside", "wait"});
    REQUIRE(id.size() == 64);
    REQUIRE(fixture.output_of({"ps", "--format", "{{.Names}} {{.Image}} {{.State}}"}) == "web inside running");
    REQUIRE(fixture.output_of({"ps", "-q", "--filter", "label=a=b"}) == id.substr(0, 12));
    REQUIRE(fixture.output_of({"ps", "-q", "--filter", "label=a=c"}).empty());
    REQUIRE(fixture.output_of({"inspect", "--format", "{{.State.Running}} {{.Name}}", id.substr(0, 6)}) == "true /web");
    REQUIRE(std::stoi(fixture.output_of({"inspect", "--format", "{{.State.Pid}}", "web"})) > 0);
    const Completed inside = fixture.docker({"exec", "web", "/inside", "echo", "from inside", "and aside"});
    REQUIRE(inside.output == "from inside\n");
    REQUIRE(inside.errors == "and aside\n");
    REQUIRE(fixture.docker({"exec", "web", "/inside", "exit", "3"}).status == 3);
    REQUIRE(fixture.output_of({"exec", "-i", "web", "/inside", "cat"}, "stdin\n") == "stdin");
    fixture.output_of({"rename", "web", "site"});
    REQUIRE(fixture.output_of({"stop", "site"}) == "site");
    REQUIRE(fixture.output_of({"inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "site"}) == "exited 15");
    REQUIRE(fixture.output_of({"ps", "-a", "--format", "{{.Status}}"}).starts_with("Exited (15) "));
    REQUIRE(fixture.output_of({"wait", "site"}) == "15");
    fixture.output_of({"start", "site"});
    fixture.output_of({"kill", "site"});
    REQUIRE(fixture.output_of({"wait", "site"}) == "137");
    REQUIRE(fixture.output_of({"rm", "site"}) == "site");
    REQUIRE(fixture.output_of({"ps", "-aq"}).empty());
}

TEST_CASE("a command in a container has the client's terminal size at its first look", "[api][root]") {
    const DaemonFixture fixture;
    fixture.output_of({"run", "-d", "--name", "web", "--network", "none", "inside", "wait"});
    std::string said =
        fixture.shell("script -qec 'stty rows 31 cols 97; docker exec -t web /inside size 31' /dev/null </dev/null");
    said.erase(said.find_last_not_of("\r\n") + 1);
    CHECK(said == "31 97"); // and no other one before
}

TEST_CASE("logs are kept, told apart, and cut to what is asked", "[api][root]") {
    const DaemonFixture fixture;
    fixture.docker({"run", "--name", "talk", "--network", "none", "inside", "echo", "out", "err"});
    const Completed logs = fixture.docker({"logs", "talk"});
    REQUIRE(logs.output == "out\n");
    REQUIRE(logs.errors == "err\n");
    REQUIRE(fixture.docker({"logs", "--tail", "0", "talk"}).output.empty());
    REQUIRE(fixture.docker({"logs", "-t", "talk"}).output.contains("Z out\n"));
    REQUIRE(fixture.docker({"logs", "-f", "talk"}).output == "out\n");
    REQUIRE(fixture.docker({"logs", "--until", "1", "talk"}).output.empty());
}

TEST_CASE("files are copied in and out, and changes seen", "[api][root]") {
    const DaemonFixture fixture;
    fixture.output_of({"create", "--name", "box", "--network", "none", "inside", "cat", "/tmp/note"});
    must(write_file(fixture.path("note"), "carried\n"));
    fixture.output_of({"cp", "note", "box:/tmp/note"});
    fixture.output_of({"cp", "box:/tmp/note", "back"});
    REQUIRE(must(read_file(fixture.path("back"))) == "carried\n");
    REQUIRE(fixture.output_of({"start", "-a", "box"}) == "carried");
    REQUIRE(fixture.output_of({"diff", "box"}).contains("A /tmp/note"));
    REQUIRE(fixture.docker({"cp", "box:/absent", "x"}).status == 1);
    REQUIRE(fixture.shell("docker export box | tar -t").contains("tmp/note"));
}

TEST_CASE("images are listed, tagged, saved, loaded, committed and removed", "[api][root]") {
    const DaemonFixture fixture;
    REQUIRE(fixture.output_of({"images", "--format", "{{.Repository}}:{{.Tag}}"}) == "inside:latest");
    fixture.output_of({"tag", "inside", "other:1"});
    REQUIRE(fixture.output_of({"images", "--filter", "reference=oth*", "--format", "{{.Repository}}:{{.Tag}}"}) ==
            "other:1");
    REQUIRE(fixture.output_of({"history", "--format", "{{.Comment}}", "inside"}).contains("Imported"));
    fixture.output_of({"save", "-o", "saved.tar", "other:1"});
    REQUIRE(fixture.output_of({"rmi", "other:1"}).contains("Untagged: other:1"));
    REQUIRE(fixture.output_of({"load", "-i", "saved.tar"}) == "Loaded image: other:1");
    fixture.output_of({"run", "--name", "maker", "--network", "none", "inside", "write", "/tmp/made", "kept"});
    fixture.output_of({"commit", "-m", "made", "maker", "made:1"});
    REQUIRE(fixture.output_of({"run", "--rm", "--network", "none", "made:1", "cat", "/tmp/made"}) == "kept");
    REQUIRE(fixture.docker({"rmi", "inside"}).status == 0); // other:1 still names it
    REQUIRE(fixture.docker({"rmi", "other:1"}).errors.contains("conflict"));
    REQUIRE(fixture.output_of({"system", "df"}).contains("Images"));
    REQUIRE(fixture.output_of({"inspect", "--format", "{{json .Config.Entrypoint}}", "made:1"}) == "[\"/inside\"]");
}

TEST_CASE("volumes live longer than containers", "[api][root]") {
    const DaemonFixture fixture;
    REQUIRE(fixture.output_of({"volume", "create", "--label", "a=b", "shelf"}) == "shelf");
    fixture.output_of(
        {"run", "--name", "writer", "--network", "none", "-v", "shelf:/data", "inside", "write", "/data/x", "there"});
    REQUIRE(fixture.output_of({"run", "--rm", "--network", "none", "-v", "shelf:/data", "inside", "cat", "/data/x"}) ==
            "there");
    REQUIRE(fixture.docker({"volume", "rm", "shelf"}).errors.contains("volume is in use"));
    fixture.output_of({"rm", "writer"});
    REQUIRE(fixture.output_of({"volume", "ls", "-q"}) == "shelf");
    REQUIRE(fixture.output_of({"volume", "inspect", "--format", "{{.Labels.a}}", "shelf"}) == "b");
    fixture.output_of({"volume", "rm", "shelf"});
    REQUIRE(fixture.output_of({"volume", "ls", "-q"}).empty());
}

TEST_CASE("events tell what happened", "[api][root]") {
    const DaemonFixture fixture;
    fixture.docker({"run", "--rm", "--name", "brief", "--network", "none", "inside", "exit", "0"});
    const std::string events = fixture.output_of(
        {"events", "--since", "1", "--until", "-1s", "--filter", "container=brief", "--format", "{{.Action}}"});
    for (const char *action : {"create", "start", "die", "destroy"}) {
        CAPTURE(action, events);
        REQUIRE(events.contains(action));
    }
    REQUIRE(fixture
                .output_of(
                    {"events", "--since", "1", "--until", "-1s", "--filter", "type=image", "--format", "{{.Action}}"})
                .contains("import"));
}

TEST_CASE("what is not there says what to use", "[api][root]") {
    const DaemonFixture fixture;
    REQUIRE(fixture.output_of({"network", "ls", "--format", "{{.Name}} {{.Driver}}"}) ==
            "bridge bridge\nhost host\nnone null");
    REQUIRE(fixture.docker({"network", "create", "-d", "macvlan", "own"}).errors.contains("plugin"));
    REQUIRE(fixture.docker({"network", "rm", "host"}).errors.contains("pre-defined network"));
    REQUIRE(fixture.docker({"swarm", "init"}).errors.contains("no swarm mode"));
    REQUIRE(fixture.docker({"service", "ls"}).errors.contains("not a swarm manager"));
    must(make_directories(fixture.path("context")));
    must(write_file(fixture.path("context/Dockerfile"), "FROM inside\n"));
    REQUIRE(fixture.docker({"build", "context"}).status != 0);
    REQUIRE(fixture.docker({"plugin", "ls"}).status == 0);
    REQUIRE(fixture.docker({"plugin", "install", "x"}).errors.contains("no plugins"));
}

TEST_CASE("networks and published ports by docker's own commands", "[api][root]") {
    const DaemonFixture fixture;
    fixture.output_of({"network", "create", "--subnet", "10.7.0.0/24", "--label", "a=b", "own"});
    fixture.output_of(
        {"run", "-d", "--name", "web", "--network", "own", "--ip", "10.7.0.9", "-p", "8099:80", "inside", "wait"});
    REQUIRE(fixture.output_of({"port", "web"}) == "80/tcp -> 0.0.0.0:8099\n80/tcp -> [::]:8099");
    REQUIRE(fixture.output_of({"ps", "--format", "{{.Ports}}"}).contains("0.0.0.0:8099->80/tcp"));
    REQUIRE(fixture.output_of({"inspect", "-f", "{{.NetworkSettings.Networks.own.IPAddress}}", "web"}) == "10.7.0.9");
    REQUIRE(fixture.output_of({"network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}} {{len .Containers}}",
                               "own"}) == "10.7.0.1 1");
    REQUIRE(fixture.docker({"network", "rm", "own"}).errors.contains("has active endpoints"));
    fixture.output_of({"network", "connect", "bridge", "web"});
    REQUIRE(fixture.output_of({"inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web"}) == "172.17.0.2");
    fixture.output_of({"network", "disconnect", "own", "web"});
    fixture.output_of({"network", "rm", "own"});
    REQUIRE(fixture.docker({"run", "--rm", "-p", "8099:80", "inside", "exit", "0"})
                .errors.contains("port is already allocated"));
    fixture.output_of({"run", "--rm", "inside", "exit", "0"});
    REQUIRE(fixture.docker({"run", "--rm", "--network", "nope", "inside", "exit", "0"})
                .errors.contains("network nope not found"));
    fixture.output_of({"network", "create", "idle"});
    REQUIRE(fixture.output_of({"network", "prune", "-f"}).contains("idle"));
}

TEST_CASE("containers outlive the daemon, and it finds them again", "[api][root]") {
    DaemonFixture fixture;
    fixture.output_of({"run", "-d", "--name", "lasting", "--network", "none", "inside", "wait"});
    const std::string pid = fixture.output_of({"inspect", "--format", "{{.State.Pid}}", "lasting"});
    fixture.stop();
    REQUIRE(std::filesystem::exists("/proc/" + pid));
    fixture.start();
    REQUIRE(fixture.output_of({"inspect", "--format", "{{.State.Running}} {{.State.Pid}}", "lasting"}) ==
            "true " + pid);
    fixture.kill();
    REQUIRE(std::filesystem::exists("/proc/" + pid));
    fixture.start();
    REQUIRE(fixture.output_of({"exec", "lasting", "/inside", "echo", "still here"}) == "still here");
    REQUIRE(fixture.output_of({"stop", "lasting"}) == "lasting");
    REQUIRE(fixture.output_of({"wait", "lasting"}) == "15");
}

TEST_CASE("SIGHUP applies what can be applied, and a bad file changes nothing", "[api][root]") {
    DaemonFixture fixture;
    fixture.reload(R"({"cgroups": "disabled", "labels": ["rack=4"], "icc": false})");
    REQUIRE(fixture.eventually([&] { return fixture.log().contains("needs a restart of the engine to apply icc"); }));
    REQUIRE(fixture.log().contains("applied labels"));
    REQUIRE(fixture.output_of({"info", "--format", "{{.Labels}}"}) == "[rack=4]");
    fixture.reload(R"({"cgroups": "disabled", "unheard-of": 1})");
    REQUIRE(fixture.eventually([&] { return fixture.log().contains("unknown key \"unheard-of\""); }));
    REQUIRE(fixture.output_of({"info", "--format", "{{.Labels}}"}) == "[rack=4]");
}

TEST_CASE("a configuration is checked without a daemon", "[api]") {
    const TemporaryDirectory directory = scratch();
    const std::filesystem::path file = directory.path() / "engine.json";
    must(write_file(file, "{\n \"registry-mirror\": []\n}"));
    const auto check = [&] {
        return must(run({.arguments = {BALLAST_DAEMON_PROGRAM, "--check-config", "--config", file.string()}}));
    };
    const Completed bad = check();
    REQUIRE(bad.status == 1);
    REQUIRE(bad.errors.contains("engine.json:2:21: unknown key \"registry-mirror\"; did you mean"));
    must(write_file(file, R"({"debug": true})"));
    REQUIRE(check().status == 0);
}

TEST_CASE("metrics are served where the configuration says, and nowhere else", "[api][root]") {
    constexpr const char *kAddress = "127.0.0.1:41323";
    const DaemonFixture fixture(std::string(R"({"cgroups": "disabled", "metrics-addr": ")") + kAddress + R"("})");
    fixture.output_of({"run", "-d", "--name", "counted", "--network", "none", "inside", "wait"});
    const auto get = [&](const std::string &method, const std::string &path) {
        return fixture.shell("exec 3<>/dev/tcp/127.0.0.1/41323; printf '" + method + " " + path +
                             " HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3");
    };
    const std::string page = get("GET", "/metrics");
    CAPTURE(page);
    REQUIRE(page.contains("Content-Type: text/plain; version=0.0.4"));
    REQUIRE(page.contains("\nengine_daemon_container_states_containers{state=\"running\"} 1\n"));
    REQUIRE(page.contains("\nballast_images 1\n"));
    REQUIRE(page.contains("\n# TYPE ballast_api_requests_total counter\n"));
    REQUIRE(page.contains("\nprocess_resident_memory_bytes "));
    REQUIRE(get("GET", "/").contains(" 404 "));
    REQUIRE(get("POST", "/metrics").contains(" 405 "));
    REQUIRE(get("GET", "/containers/json").contains(" 404 ")); // the API is not there
    fixture.output_of({"rm", "-f", "counted"});
}

TEST_CASE("a health check's log outlives the daemon", "[api][root]") {
    DaemonFixture fixture;
    fixture.output_of({"run", "-d", "--name", "watched", "--network", "none", "--health-cmd", "x", "--health-interval",
                       "100ms", "--health-retries", "1", "inside", "wait"});
    const auto status = [&] {
        return fixture.output_of({"inspect", "--format", "{{.State.Health.Status}}", "watched"});
    };
    REQUIRE(fixture.eventually([&] { return status() == "unhealthy"; }));
    fixture.output_of({"kill", "watched"}); // no further checks
    REQUIRE(fixture.output_of({"wait", "watched"}) == "137");
    const std::string before = fixture.output_of({"inspect", "--format", "{{json .State.Health.Log}}", "watched"});
    REQUIRE(before.contains("ExitCode"));
    fixture.kill();
    fixture.start();
    REQUIRE(fixture.output_of({"inspect", "--format", "{{json .State.Health.Log}}", "watched"}) == before);
}

TEST_CASE("an exec whose program cannot be executed says so and ends with 126 or 127", "[api][root]") {
    const DaemonFixture fixture;
    fixture.output_of({"run", "-d", "--name", "box", "--network", "none", "inside", "wait"});
    for (const bool terminal : {false, true}) {
        CAPTURE(terminal);
        const std::string option = terminal ? "-t" : "-i";
        const Completed absent = fixture.docker({"exec", option, "box", "nosuch"});
        CHECK(absent.status == 127);
        CHECK((absent.output + absent.errors).contains("executable file not found in $PATH"));
        CHECK(fixture.docker({"exec", option, "box", "/etc/passwd"}).status == 126);
    }
    // Whoever asks at once finds the code, not a 0.
    const std::string ends = fixture.shell("for i in 1 2 3 4 5 6 7 8 9 10; do docker exec box /inside exit 9; echo $?; "
                                           "done | sort | uniq -c");
    CHECK(ends.contains(" 10 9"));
    fixture.output_of({"rm", "-f", "box"});
}
