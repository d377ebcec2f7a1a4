// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "tests/integration/engine/engine_fixture.h"

namespace ballast::engine_tests {

using engine::Phase;
using engine::WaitCondition;

TEST_CASE("a program's exit code and what it said are kept", "[engine][root]") {
    EngineFixture fixture;
    CHECK(fixture.run({"exit", "7"}, "seven") == 7);
    CHECK(must(fixture.engine().inspect("seven")).state.phase == Phase::kExited);
    CHECK(fixture.run({"echo", "hello", "oops"}, "talk") == 0);
    CHECK(fixture.output("talk") == "hello\n");
    CHECK(fixture.output("talk", true) == "oops\n");
    must(fixture.engine().remove("seven", {}));
    must(fixture.engine().remove("talk", {}));
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("a program that is not there, or is none, has the words and the code that clients look for",
          "[engine][root]") {
    EngineFixture fixture;
    const auto attempt = [&fixture](const std::string &program, const std::string &name) {
        engine::CreateRequest request = fixture.request({}, name);
        request.config.entrypoint = engine::Texts{program};
        const std::string id = must(fixture.engine().create(request)).id;
        return fixture.engine().start(id).error().message;
    };
    CHECK(attempt("nothing", "c1").contains("executable file not found in $PATH"));
    CHECK(must(fixture.engine().inspect("c1")).state.exit_code == 127);
    CHECK(attempt("/nothing", "c2").contains("no such file or directory"));
    CHECK(attempt("/not-a-program", "c3").contains("permission denied"));
    CHECK(must(fixture.engine().inspect("c3")).state.exit_code == 126);
    for (const char *name : {"c1", "c2", "c3"}) {
        must(fixture.engine().remove(name, {}));
    }
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("stop lets a program end by itself, kill does not, a running one is not removed", "[engine][root]") {
    EngineFixture fixture;
    const std::string id = fixture.start({"wait"}, "web");
    CHECK(must(fixture.engine().inspect(id.substr(0, 12))).state.phase == Phase::kRunning);
    CHECK(fixture.engine().remove("web", {}).error().code == EBUSY);
    CHECK_FALSE(must(fixture.engine().start("web")));
    CHECK(must(fixture.engine().stop("web")));
    CHECK(must(fixture.engine().inspect("web")).state.exit_code == 15);
    CHECK_FALSE(must(fixture.engine().stop("web")));
    must(fixture.engine().start("web"));
    must(fixture.engine().kill("web"));
    CHECK(must(fixture.engine().inspect("web")).state.exit_code == 137);
    CHECK(fixture.engine().kill("web").error().code == EBUSY);
    must(fixture.engine().start("web"));
    must(fixture.engine().remove("web", {.force = true}));
    CHECK(fixture.engine().inspect("web").error().code == ENOENT);
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("names are unique, change, and prefixes of IDs do", "[engine][root]") {
    EngineFixture fixture;
    const std::string id = must(fixture.engine().create(fixture.request({}, "web"))).id;
    CHECK(fixture.engine()
              .create(fixture.request({}, "web"))
              .error()
              .message.starts_with("Conflict. The container name \"/web\""));
    must(fixture.engine().rename("web", "shop"));
    CHECK(fixture.engine().inspect("web").error().code == ENOENT);
    CHECK(must(fixture.engine().inspect("shop")).id == id);
    CHECK(must(fixture.engine().inspect(id.substr(0, 4))).id == id);
    CHECK(must(fixture.engine().create(fixture.request({}, "web"))).id != id);
}

TEST_CASE("attached before the start, a client misses nothing, and what it types arrives", "[engine][root]") {
    EngineFixture fixture;
    engine::CreateRequest request = fixture.request({"cat"}, "cat");
    request.config.open_stdin = request.config.stdin_once = true;
    must(fixture.engine().create(request));
    auto attachment =
        must(fixture.engine().attach("cat", {.standard_input = true, .standard_output = true, .standard_error = true}));
    must(fixture.engine().start("cat"));
    const Fd stream = must(attachment.take());
    must(write_all(stream, "typed"));
    REQUIRE(shutdown(stream.get(), SHUT_WR) == 0);
    CHECK(must(read_all(stream, "stream")) == std::string("\1\0\0\0\0\0\0\5typed", 13));
    CHECK(must(fixture.engine().wait("cat", WaitCondition::kNotRunning)).exit_code == 0);
    CHECK(fixture.output("cat") == "typed");
}

TEST_CASE("exec has its own exit code, output and user", "[engine][root]") {
    EngineFixture fixture;
    fixture.start({"wait"}, "web");
    std::string said;
    for (int code = 1; code < 20; code++) { // each is known at once
        CHECK(fixture.exec("web", {"/inside", "exit", std::to_string(code)}) == code);
    }
    CHECK(fixture.exec("web", {"/inside", "echo", "hi"}, &said) == 0);
    CHECK(said.contains("hi\n"));
    CHECK(fixture.exec("web", {"nothing"}, &said) == 127);
    CHECK(said.contains("executable file not found in $PATH"));
    engine::ExecConfig config;
    config.attach_stdout = true;
    config.user = "web";
    config.cmd = {"/inside", "id"};
    auto stream = must(fixture.engine().start_exec(must(fixture.engine().create_exec("web", config)), false));
    CHECK(must(read_all(*stream, "exec")).contains("1000 1000\n"));
    config.user = "nobody-here";
    CHECK_FALSE(fixture.engine().start_exec(must(fixture.engine().create_exec("web", config)), false));
    must(fixture.engine().stop("web"));
    CHECK(fixture.engine().create_exec("web", config).error().code == EBUSY);
}

TEST_CASE("on-failure starts again as often as it was asked to, --rm removes", "[engine][root]") {
    EngineFixture fixture;
    engine::CreateRequest request = fixture.request({"exit", "3"}, "again");
    request.host.restart_policy = {.kind = engine::RestartPolicy::Kind::kOnFailure, .maximum_retry_count = 2};
    must(fixture.engine().create(request));
    must(fixture.engine().start("again"));
    CHECK(must(fixture.engine().wait("again", WaitCondition::kNotRunning)).exit_code == 3);
    CHECK(must(fixture.engine().inspect("again")).restart_count == 2);
    request = fixture.request({"exit", "4"}, "gone");
    request.host.auto_remove = true;
    must(fixture.engine().create(request));
    const auto wait = must(fixture.engine().begin_wait("gone", WaitCondition::kRemoved));
    must(fixture.engine().start("gone"));
    CHECK(must(wait({})).exit_code == 4);
    CHECK(fixture.engine().inspect("gone").error().code == ENOENT);
}

TEST_CASE("volumes get what the image has, are shared, and are kept while anybody has them", "[engine][root]") {
    EngineFixture fixture;
    engine::CreateRequest request = fixture.request({"cat", "/data/seed"}, "first");
    request.host.binds = {"store:/data"};
    must(fixture.engine().create(request));
    must(fixture.engine().start("first"));
    CHECK(must(fixture.engine().wait("first", WaitCondition::kNotRunning)).exit_code == 0);
    CHECK(fixture.output("first") == "from the image");
    request = fixture.request({"write", "/v/new", "shared"}, "second");
    request.host.binds = {"store:/v"};
    must(fixture.engine().create(request));
    must(fixture.engine().start("second"));
    CHECK(must(fixture.engine().wait("second", WaitCondition::kNotRunning)).exit_code == 0);
    CHECK(must(fixture.copy_out("first", "/data/new")) == "shared");
    CHECK(fixture.engine().remove_volume("store", false).error().message.starts_with("remove store: volume is in use"));
    must(fixture.engine().remove("first", {.force = false, .volumes = true}));
    must(fixture.engine().remove("second", {.force = false, .volumes = true}));
    CHECK(fixture.engine().inspect_volume("store"));
    must(fixture.engine().remove_volume("store", false));
}

TEST_CASE("a read-only bind of the host's, and one that is missing", "[engine][root]") {
    EngineFixture fixture;
    const std::string host = (fixture.root() / "made").string();
    engine::CreateRequest request = fixture.request({"write", "/b/x", "y"}, "rw");
    request.host.binds = {host + ":/b"};
    must(fixture.engine().create(request));
    must(fixture.engine().start("rw"));
    CHECK(must(fixture.engine().wait("rw", WaitCondition::kNotRunning)).exit_code == 0);
    CHECK(must(read_file(host + "/x")) == "y");
    request = fixture.request({"write", "/b/x", "z"}, "ro");
    request.host.binds = {host + ":/b:ro"};
    must(fixture.engine().create(request));
    must(fixture.engine().start("ro"));
    CHECK(must(fixture.engine().wait("ro", WaitCondition::kNotRunning)).exit_code == 1);
    request = fixture.request({}, "missing");
    request.host.mounts = {{.type = "bind", .source = "/nowhere", .target = "/b"}};
    CHECK(fixture.engine().create(request).error().message.contains("bind source path does not exist: /nowhere"));
}

TEST_CASE("prune takes what has ended and volumes that nobody named", "[engine][root]") {
    EngineFixture fixture;
    engine::CreateRequest request = fixture.request({"true"}, "ended");
    request.config.volumes = {"/data"};
    request.host.binds = {"kept:/v"};
    must(fixture.engine().create(request));
    must(fixture.engine().start("ended"));
    must(fixture.engine().wait("ended", WaitCondition::kNotRunning));
    fixture.start({"wait"}, "runs");
    CHECK(must(fixture.engine().prune_volumes({})).removed.empty());
    CHECK(must(fixture.engine().prune_containers({})).removed.size() == 1);
    CHECK(must(fixture.engine().prune_volumes({})).removed.size() == 1);
    CHECK(must(fixture.engine().list_volumes({})).size() == 1);
    CHECK(must(fixture.engine().prune_volumes({{"all", {"true"}}})).removed == engine::Texts{"kept"});
    CHECK(must(fixture.engine().list({.all = true})).size() == 1);
    CHECK_FALSE(fixture.engine().prune_containers({{"nothing", {"x"}}}));
}

TEST_CASE("containers share the pid and network namespaces of another one", "[engine][root]") {
    EngineFixture fixture;
    fixture.start({"wait"}, "first");
    engine::CreateRequest request = fixture.request({"wait"}, "second");
    request.host.network_mode = "container:first";
    request.host.pid_mode = "container:first";
    must(fixture.engine().create(request));
    must(fixture.engine().start("second"));
    const auto same = [&fixture](const std::string &name) {
        const auto link = [&](const char *container) {
            const int pid = must(fixture.engine().inspect(container)).state.pid;
            return fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/" + name);
        };
        return link("first") == link("second");
    };
    CHECK(same("net"));
    CHECK(same("pid"));
    CHECK_FALSE(same("uts"));
    must(fixture.engine().stop("second"));
    must(fixture.engine().kill("first"));
    CHECK(fixture.engine().start("second").error().message.contains("non running container"));
}

TEST_CASE("a health check that fails makes the container unhealthy", "[engine][root]") {
    EngineFixture fixture;
    engine::CreateRequest request = fixture.request({"wait"}, "sick");
    request.config.health_check = engine::HealthCheck{.test = {"CMD", "/inside", "exit", "1"}};
    request.config.health_check->interval = std::chrono::milliseconds(20);
    request.config.health_check->retries = 2;
    auto events = fixture.engine().events().subscribe(
        {.since = engine::kNever, .until = engine::kNever, .filters = {{"event", {"health_status"}}}});
    must(fixture.engine().create(request));
    must(fixture.engine().start("sick"));
    CHECK(events->next({})->action == "health_status: unhealthy");
    CHECK(must(fixture.engine().inspect("sick")).state.health->log.back().exit_code == 1);
}

} // namespace ballast::engine_tests
