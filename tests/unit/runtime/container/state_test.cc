// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/state.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::container;

namespace {

State whole() {
    return {.id = "web",
            .oci_version = "1.3.0",
            .bundle = "/b",
            .rootfs = "/b/rootfs",
            .created = "2026-01-02T03:04:05Z",
            .owner = "root",
            .pid = 42,
            .start_time = 99,
            .has_process = false,
            .own_pid_namespace = false,
            .hooks = {"poststop"},
            .cgroup = {.manager = isolate::CgroupManager::kSystemd, .path = "/a/b.scope", .scope = "b.scope"},
            .rdt = isolate::RdtPlace{.group = "/g", .monitor = "m", .made = true},
            .notify_socket = "/run/n",
            .covered_mount = 31,
            .annotations = {{"key", "value"}}};
}

} // namespace

TEST_CASE("a record reads as it was written", "[state]") {
    const State state = must(parse_state(state_text(whole()), "f"));
    CHECK(state_text(state) == state_text(whole()));
    CHECK(state.pid == 42);
    CHECK(state.cgroup.manager == isolate::CgroupManager::kSystemd);
    CHECK(state.rdt->made);
    CHECK_FALSE(state.has_process);
    CHECK(state.covered_mount == 31U);
    CHECK(state.notify_socket == "/run/n");
}

TEST_CASE("a record that is cut short, of another kind or from a newer version is refused", "[state]") {
    const std::string text = state_text(whole());
    for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
        CHECK(error_of(parse_state(text.substr(0, length), "f")).code == EINVAL);
    }
    std::string newer = text;
    newer.replace(newer.find("\"version\":1"), 11, "\"version\":2");
    CHECK(error_of(parse_state(newer, "f")).message.contains("version 2 of the record is not known"));
    for (const auto &[from, to] : {std::pair("\"pid\":42", "\"pid\":-1"),
                                   {"\"pid\":42", "\"pid\":4294967296"},
                                   {"\"pid\":42", "\"pid\":1e30"},
                                   {"\"startTime\":99", "\"startTime\":-5"},
                                   {"\"systemd\"", "\"other\""},
                                   {"\"web\"", "7"}}) {
        std::string changed = text;
        changed.replace(changed.find(from), std::string(from).size(), to);
        INFO(to);
        CHECK(error_of(parse_state(changed, "f")).code == EINVAL);
    }
}

TEST_CASE("an id is a file name and nothing else", "[state]") {
    for (const char *good : {"a", "web-1.2_x+y", "..a", "-", "0"}) {
        CHECK(check_id(good).has_value());
    }
    for (const std::string &bad : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                   std::string("a b"), std::string("a\n"), std::string("~seccomp"),
                                   std::string("a\0b", 3), std::string(1025, 'x'), std::string("ä")}) {
        CHECK(error_of(check_id(bad)).code == EINVAL);
    }
}

TEST_CASE("a process is told from a later one with its number", "[state]") {
    const TemporaryDirectory root = scratch();
    const ContainerDir directory = must(ContainerDir::make(root.path(), "web"));
    State state = whole();
    state.cgroup = {.manager = isolate::CgroupManager::kDisabled, .path = {}, .scope = {}};
    state.pid = getpid();
    state.start_time = must(process_start(getpid())).time;
    CHECK(must(phase_of(state, directory)) == Phase::kRunning);
    state.start_time += 1;
    CHECK(must(phase_of(state, directory)) == Phase::kStopped);
    state.pid = 0;
    CHECK(must(phase_of(state, directory)) == Phase::kStopped);
}

TEST_CASE("a process that has ended keeps its start time until its parent waits for it", "[state]") {
    const TemporaryDirectory root = scratch();
    const ContainerDir directory = must(ContainerDir::make(root.path(), "web"));
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    REQUIRE(child > 0);
    siginfo_t ended{};
    REQUIRE(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
    const ProcessStart start = must(process_start(child));
    CHECK(start.ended);
    CHECK(start.time >= must(process_start(getpid())).time);
    State state = whole();
    state.cgroup = {.manager = isolate::CgroupManager::kDisabled, .path = {}, .scope = {}};
    state.pid = child;
    state.start_time = start.time;
    CHECK(must(phase_of(state, directory)) == Phase::kStopped);
    REQUIRE(waitpid(child, nullptr, 0) == child);
    CHECK(error_of(process_start(child)).code == ESRCH);
}

TEST_CASE("a container waits for as long as its first process holds the lock", "[state]") {
    const TemporaryDirectory root = scratch();
    const ContainerDir directory = must(ContainerDir::make(root.path(), "web"));
    Fd lock = must(open_file(directory.path() / "init.lock", O_RDWR | O_CREAT, 0600));
    REQUIRE(flock(lock.get(), LOCK_EX) == 0);
    State state = whole();
    state.cgroup = {.manager = isolate::CgroupManager::kDisabled, .path = {}, .scope = {}};
    state.pid = getpid();
    state.start_time = must(process_start(getpid())).time;
    CHECK(must(phase_of(state, directory)) == Phase::kCreated);
    state.pid = 0;
    CHECK(must(phase_of(state, directory)) == Phase::kCreating);
    lock.close();
    CHECK(must(phase_of(state, directory)) == Phase::kStopped);
}

TEST_CASE("containers are listed by their records, whatever else lies there", "[state]") {
    const TemporaryDirectory root = scratch();
    for (const char *id : {"b", "a"}) {
        must(must(ContainerDir::make(root.path(), id)).store(whole()));
    }
    (void)must(ContainerDir::make(root.path(), "being-made"));
    must(make_directories(root.path() / "~seccomp"));
    must(write_file(root.path() / "file", ""));
    CHECK(must(container_ids(root.path())) == std::vector<std::string>{"a", "b"});
    CHECK(must(container_ids(root.path() / "nosuch")).empty());
    CHECK(error_of(ContainerDir::make(root.path(), "a")).code == EEXIST);
    CHECK(error_of(ContainerDir::open(root.path(), "c")).code == ENOENT);
}
