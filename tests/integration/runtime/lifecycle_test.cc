// SPDX-License-Identifier: Apache-2.0
// ballast-oci as engines call it: create, start, exec, kill, delete.
#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "tests/integration/runtime/oci_fixture.h"

using namespace ballast;
using namespace ballast::oci_tests;

TEST_CASE_METHOD(OciFixture, "run passes on output and exit status, and leaves nothing", "[root]") {
    configure({"echo", "hello"});
    const Completed said = run();
    INFO(said.errors);
    CHECK(said.status == 0);
    CHECK(said.output == "hello\n");
    configure({"exit", "7"});
    CHECK(run().status == 7);
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a container waits between create and start", "[root]") {
    configure({"wait"});
    const auto pid_file = directory() / "pid";
    REQUIRE(create("web", {"--pid-file", pid_file.string()}).status == 0);
    CHECK(status() == "created");
    const Json state = Json::parse(oci({"state", "web"}).output);
    CHECK(state["pid"].get<int>() == std::stoi(must(read_file(pid_file))));
    CHECK(state["ociVersion"] == "1.3.0");
    CHECK(state["id"] == "web");
    CHECK(state["bundle"] == bundle().string());
    CHECK(create().status == 1);
    CHECK(create().errors.contains("exists already"));

    CHECK(oci({"start", "web"}).status == 0);
    CHECK(status() == "running");
    const Completed again = oci({"start", "web"});
    CHECK(again.status == 1);
    CHECK(again.errors.contains("running, not created"));
    CHECK(oci({"delete", "web"}).errors.contains("not stopped: running"));

    CHECK(oci({"kill", "web", "KILL"}).status == 0);
    CHECK(becomes("stopped"));
    CHECK(oci({"kill", "web", "TERM"}).errors.contains("is not running"));
    CHECK(oci({"start", "web"}).errors.contains("stopped, not created"));
    CHECK(oci({"delete", "web"}).status == 0);
    CHECK(oci({"state", "web"}).errors.contains("does not exist"));
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "signals go by name and number, and unknown ones are refused", "[root]") {
    configure({"wait"});
    REQUIRE(create().status == 0);
    for (const char *unknown : {"NOSUCH", "SIGNOSUCH", "65", "999999", "-1", "RTMIN+99", ""}) {
        INFO(unknown);
        CHECK(oci({"kill", "--", "web", unknown}).errors.contains("unknown signal"));
    }
    for (const char *nothing : {"0", "SIGWINCH", "winch", "RTMIN"}) {
        INFO(nothing);
        CHECK(oci({"kill", "web", nothing}).status == 0);
    }
    CHECK(oci({"delete", "--force", "web"}).status == 0);
    CHECK(oci({"delete", "--force", "web"}).status == 0);
    CHECK(oci({"delete", "web"}).status == 1);
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "exec runs further processes with their own exit status", "[root]") {
    configure({"wait"});
    REQUIRE(create().status == 0);
    REQUIRE(oci({"start", "web"}).status == 0);
    const Completed first = oci({"exec", "web", "inside", "exit", "9"});
    INFO(first.errors);
    CHECK(first.status == 9);
    CHECK(oci({"exec", "--env", "NAME=other", "web", "inside", "env", "NAME"}).output == "other\n");
    CHECK(oci({"exec", "web", "inside", "env", "NAME"}).output == "value\n");
    CHECK(oci({"exec", "--user", "5:6", "web", "inside", "cat", "/proc/self/status"})
              .output.contains("Uid:\t5\t5\t5\t5"));
    const Completed missing = oci({"exec", "web", "nosuch"});
    CHECK(missing.status == 255);
    CHECK(missing.errors.contains("executable file \"nosuch\" not found in $PATH"));
    CHECK(oci({"exec", "--user", "4294967296", "web", "inside"}).errors.contains("--user"));
    CHECK(oci({"exec", "web"}).errors.contains("needs a command"));

    must(write_file(directory() / "process.json",
                    R"({"args": ["inside", "env", "ONLY"], "env": ["PATH=/bin", "ONLY=this"], "cwd": "/"})"));
    CHECK(oci({"exec", "--process", (directory() / "process.json").string(), "web"}).output == "this\n");
    CHECK(oci({"delete", "--force", "web"}).status == 0);
    CHECK(oci({"exec", "web", "inside"}).errors.contains("does not exist"));
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "list shows every container, and one that does not read hides no other", "[root]") {
    configure({"wait"});
    REQUIRE(create("one").status == 0);
    REQUIRE(create("two").status == 0);
    must(write_file(root() / "two/state.json", "{"));
    const Completed listed = oci({"list", "--format", "json"});
    CHECK(listed.status == 0);
    CHECK(listed.errors.contains("two/state.json does not read"));
    const Json list = Json::parse(listed.output);
    REQUIRE(list.size() == 1);
    CHECK(list[0]["id"] == "one");
    CHECK(list[0]["status"] == "created");
    CHECK(oci({"list", "--quiet"}).output == "one\n");
    CHECK(oci({"delete", "--force", "two"}).status == 0);
    CHECK(oci({"list", "--quiet"}).output == "one\n");
}

TEST_CASE_METHOD(OciFixture, "a program sees no descriptor but those it was promised", "[root]") {
    configure({"descriptors"});
    CHECK(run().output == "0 1 2 \n");
    Command one = command({"run", "--preserve-fds", "1", "--bundle", bundle().string(), "web"});
    const std::string shell = "exec 3</dev/null 5</dev/null; exec " + one.describe();
    CHECK(must(ballast::run({.arguments = {"sh", "-c", shell}})).output == "0 1 2 3 \n");
}

TEST_CASE_METHOD(OciFixture, "the runtime's program cannot be written from inside", "[root]") {
    const std::string before = must(read_file(BALLAST_OCI_PROGRAM));
    configure({"true"}, [](Json &config) { config["process"]["args"] = {"/proc/self/exe", "--version"}; });
    (void)run();
    configure({"wait"}, [](Json &config) { config["process"].erase("capabilities"); });
    REQUIRE(create().status == 0);
    const int pid = Json::parse(oci({"state", "web"}).output)["pid"].get<int>();
    // While it runs, writing is ETXTBSY anyway; afterwards, only the mount that it was started from is in the way.
    const Fd program = must(open_file("/proc/" + std::to_string(pid) + "/exe", O_RDONLY));
    struct statvfs mount{};
    REQUIRE(fstatvfs(program.get(), &mount) == 0);
    const int seals = fcntl(program.get(), F_GET_SEALS);
    CHECK(((mount.f_flag & ST_RDONLY) != 0 || (seals > 0 && (seals & F_SEAL_WRITE) != 0)));
    CHECK(must(read_file(BALLAST_OCI_PROGRAM)) == before);
}

TEST_CASE_METHOD(OciFixture, "a program on a read-only mount needs no clone of it", "[root]") {
    const auto starts = [&](const std::string &mount) {
        const auto program = directory() / "ballast-oci";
        must(write_file(program, ""));
        const std::string script = "mount --make-rprivate / && mount --bind " BALLAST_OCI_PROGRAM " " +
                                   program.string() + " && mount -o remount,bind," + mount + " " + program.string() +
                                   " && exec strace -qq -e trace=execve,execveat " + program.string() + " --root " +
                                   root().string() + " delete nobody";
        const Completed traced = must(ballast::run({.arguments = {"unshare", "--mount", "sh", "-c", script}}));
        INFO(traced.errors);
        CHECK(traced.errors.contains("nobody"));
        return std::pair{traced.errors.contains("execve("), traced.errors.contains("execveat(")};
    };
    CHECK(starts("rw") == std::pair{true, true});
    CHECK(starts("ro") == std::pair{true, false});
}

TEST_CASE_METHOD(OciFixture, "a created container holds nothing of the host open", "[root]") {
    configure({"wait"});
    REQUIRE(create().status == 0);
    const std::string pid = std::to_string(Json::parse(oci({"state", "web"}).output)["pid"].get<int>());
    for (const auto &entry : std::filesystem::directory_iterator("/proc/" + pid + "/fd")) {
        std::error_code none;
        const std::string target = std::filesystem::read_symlink(entry.path(), none).string();
        INFO(entry.path() << " " << target);
        const bool stream = std::stoi(entry.path().filename().string()) <= 2;
        CHECK((stream || target.starts_with("socket:") || target.ends_with("init.lock")));
    }
}

TEST_CASE_METHOD(OciFixture, "hooks of every kind run in their order with the state on stdin", "[root]") {
    const auto file = directory() / "hooks";
    const auto hook = [&](const std::string &kind) {
        return Json::array(
            {{{"path", "/bin/sh"},
              {"args", {"sh", "-c", "echo " + kind + " $(grep -o '\"status\": *\"[a-z]*\"') >>" + file.string()}},
              {"env", {"PATH=/bin:/usr/bin"}}}});
    };
    configure({"true"}, [&](Json &config) {
        for (const char *kind : {"prestart", "createRuntime", "createContainer", "poststart", "poststop"}) {
            config["hooks"][kind] = hook(kind);
        }
        config["hooks"]["startContainer"] = Json::array({{{"path", "/bin/inside"}, {"args", {"inside", "exit", "0"}}}});
    });
    const Completed completed = run();
    INFO(completed.errors);
    CHECK(completed.status == 0);
    CHECK(must(read_file(file)) == "prestart \"status\": \"created\"\ncreateRuntime \"status\": \"creating\"\n"
                                   "createContainer \"status\": \"creating\"\npoststart \"status\": \"running\"\n"
                                   "poststop \"status\": \"stopped\"\n");
    configure({"true"}, [&](Json &config) {
        config["hooks"]["createRuntime"] = Json::array({{{"path", "/bin/false"}}});
        config["hooks"]["poststop"] = hook("after-failure");
    });
    const Completed failed = run();
    CHECK(failed.status == 1);
    CHECK(failed.errors.contains("hooks.createRuntime[0]"));
    CHECK(must(read_file(file)).ends_with("after-failure \"status\": \"stopped\"\n"));
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a failed startContainer hook keeps the program from running", "[root]") {
    configure({"echo", "ran"}, [](Json &config) {
        config["hooks"]["startContainer"] = Json::array({{{"path", "/bin/inside"}, {"args", {"inside", "exit", "3"}}}});
    });
    const Completed completed = run();
    CHECK(completed.status == 1);
    CHECK(completed.output.empty());
    CHECK(completed.errors.contains("hooks.startContainer[0]"));
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a container killed at any moment of its making leaves what delete removes", "[root]") {
    configure({"wait"});
    for (int delay = 0; delay < 12'000; delay += 300) { // microseconds: creation takes less than the last
        const std::string id = "k" + std::to_string(delay);
        Command one = command({"create", "--bundle", bundle().string(), id});
        one.log = directory() / "log";
        one.timeout.reset();
        {
            Child child = must(Child::start(one));
            std::this_thread::sleep_for(std::chrono::microseconds(delay));
            (void)child.signal(SIGKILL); // it may have ended
            (void)must(child.wait(std::chrono::seconds(20)));
        }
        INFO("killed after " << delay << " us");
        CHECK(oci({"delete", "--force", id}).status == 0);
    }
    for (int i = 0; i < 200; ++i) { // what was killed by its channel's end is gone a moment later
        if (!must(run_checked({.arguments = {"sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"}}))
                 .contains(root().string())) {
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a start that is killed leaves the container created or running, never between",
                 "[root]") {
    configure({"wait"});
    for (int delay = 0; delay < 4'000; delay += 400) {
        const std::string id = "s" + std::to_string(delay);
        REQUIRE(create(id).status == 0);
        {
            Command one = command({"start", id});
            one.timeout.reset();
            Child child = must(Child::start(one));
            std::this_thread::sleep_for(std::chrono::microseconds(delay));
            (void)child.signal(SIGKILL); // it may have ended
            (void)must(child.wait(std::chrono::seconds(20)));
        }
        INFO("killed after " << delay << " us");
        const std::string now = status(id);
        CHECK((now == "created" || now == "running"));
        if (now == "created") {
            const Completed started = oci({"start", id});
            INFO(started.errors);
            CHECK((started.status == 0 || started.errors.contains("it is running")));
        }
        CHECK(oci({"delete", "--force", id}).status == 0);
    }
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a container without a program can be created and deleted, not started", "[root]") {
    configure({"true"}, [](Json &config) { config.erase("process"); });
    REQUIRE(create().status == 0);
    CHECK(status() == "created");
    const Completed started = oci({"start", "web"});
    CHECK(started.status == 1);
    CHECK(started.errors.contains("process is missing"));
    CHECK(status() == "created");
    CHECK(oci({"delete", "web"}).status == 0);
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "without a mount namespace the root is mounted on the host until delete", "[root]") {
    const auto mounts_below_root = [this] {
        const std::string place = (bundle() / "rootfs").string();
        const std::string table = must(read_file("/proc/self/mountinfo"));
        std::size_t count = 0;
        for (std::size_t at = 0; (at = table.find(place, at)) != std::string::npos; ++at) {
            ++count;
        }
        return count;
    };
    const auto share = [](Json &config) {
        config["linux"].erase("maskedPaths"); // these are mounts, which the host would see as well
        config["linux"].erase("readonlyPaths");
        Json &namespaces = config["linux"]["namespaces"];
        for (auto one = namespaces.begin(); one != namespaces.end(); ++one) {
            if ((*one)["type"] == "mount") {
                namespaces.erase(one);
                return;
            }
        }
    };
    const std::size_t before = mounts_below_root();
    configure({"wait"}, share);
    REQUIRE(create().status == 0);
    REQUIRE(oci({"start", "web"}).status == 0);
    CHECK(mounts_below_root() > before);
    // Further processes see the container's root as well.
    const std::string seen = oci({"exec", "web", "inside", "cat", "/proc/self/mounts"}).output;
    INFO(seen);
    CHECK(seen.contains("proc /proc proc"));
    CHECK_FALSE(seen.contains(bundle().string()));
    CHECK(oci({"delete", "--force", "web"}).status == 0);
    CHECK(mounts_below_root() == before);
    configure({"nosuch"}, share);
    CHECK(run().status != 0);
    CHECK(mounts_below_root() == before);
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a program that says it is ready is heard by who started the runtime", "[root]") {
    const Fd caller(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (directory() / "notify.sock").string();
    REQUIRE(path.size() < sizeof address.sun_path);
    std::ranges::copy(path, address.sun_path);
    REQUIRE(bind(caller.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);

    configure({"notify", "STATUS=almost", "X=1\nREADY=1"});
    Command created = command({"create", "--bundle", bundle().string(), "web"});
    created.environment["NOTIFY_SOCKET"] = path;
    created.log = directory() / "log"; // the container keeps its streams
    REQUIRE(must(ballast::run(created)).status == 0);
    REQUIRE(oci({"start", "web"}).status == 0); // returns once that has arrived
    std::array<char, 100> text{};
    const ssize_t size = recv(caller.get(), text.data(), text.size(), MSG_DONTWAIT);
    REQUIRE(size > 0);
    CHECK(std::string(text.data(), static_cast<std::size_t>(size)) == "READY=1");
    CHECK(oci({"delete", "--force", "web"}).status == 0);

    configure({"env", "NOTIFY_SOCKET"});
    Command run_once = command({"run", "--bundle", bundle().string(), "web"});
    run_once.environment["NOTIFY_SOCKET"] = path;
    CHECK(must(ballast::run(run_once)).output == path + "/notify\n"); // a program that ends without a word is no error
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "sockets that systemd passed are the program's", "[root]") {
    configure({"env", "LISTEN_FDS"});
    Command one = command({"run", "--bundle", bundle().string(), "web"});
    one.environment = {{"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "http"}, {"LISTEN_PID", "77"}};
    CHECK(must(ballast::run(one)).output == "1\n");
    configure({"env", "LISTEN_PID"});
    CHECK(must(ballast::run(one)).output == "1\n");
    one.environment["LISTEN_FDS"] = "-1";
    CHECK(must(ballast::run(one)).output == "unset\n");
}
