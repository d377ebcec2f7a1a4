// SPDX-License-Identifier: Apache-2.0
// A container's life under its monitor: statuses, output, clients.
#include <csignal>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>

#include "tests/integration/monitor/monitor_fixture.h"

using namespace ballast;
using namespace ballast::monitor;
using namespace ballast::monitor_tests;

namespace {

std::string lines(int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) {
        text += "line " + std::to_string(i) + "\n";
    }
    return text;
}

std::uint64_t field_of(pid_t pid, const char *file, const std::string &key) {
    const std::string text = must(read_file("/proc/" + std::to_string(pid) + "/" + file));
    const std::size_t place = text.find("\n" + key + ":");
    REQUIRE(place != std::string::npos);
    return std::stoull(text.substr(place + key.size() + 2));
}

} // namespace

TEST_CASE_METHOD(MonitorFixture, "an exit status is on disk before it is told", "[root]") {
    configure({"exit", "7"});
    const std::uint32_t pid = run();
    const Event end = ended();
    CHECK(end.pid == pid);
    CHECK(end.end.known);
    CHECK(end.end.status == 7);
    CHECK(end.end.signal == 0);
    CHECK(end.end.output_complete);
    CHECK(record().end == end.end);
    CHECK(record().pid == pid);
    CHECK_FALSE(record().stopped);
    struct stat status{};
    REQUIRE(stat(settings.exit_record.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
    CHECK(monitor_ended() == 0);
    CHECK_FALSE(std::filesystem::exists(settings.socket));
}

TEST_CASE_METHOD(MonitorFixture, "a monitor that is asked to stop sends the container's own signal, and says so",
                 "[root]") {
    settings.stop_signal = SIGUSR1;
    settings.stop_seconds = -1;
    configure({"wait"});
    spawn();
    const Fd client = attach();
    run();
    read_until(client, "ready\n");
    REQUIRE(kill(spawned.pid, kStop) == 0);
    CHECK(ended().end.status == 10);
    CHECK(record().stopped);
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "a container that ignores its stop signal is killed after its time", "[root]") {
    settings.stop_signal = SIGWINCH;
    settings.stop_seconds = 1;
    configure({"wait"});
    run();
    REQUIRE(kill(spawned.pid, kStop) == 0);
    CHECK(ended().end.signal == SIGKILL);
    CHECK(record().stopped);
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "a container that is killed has the signal in its status", "[root]") {
    configure({"wait"});
    const std::uint32_t pid = run();
    REQUIRE(kill(static_cast<pid_t>(pid), SIGKILL) == 0);
    const End end = ended().end;
    CHECK(end.status == 137);
    CHECK(end.signal == SIGKILL);
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "create and start are two steps", "[root]") {
    configure({"lines", "2"});
    spawn();
    const std::uint32_t pid = must(control->call<Started>(Create{}, kPatience)).pid;
    CHECK(state().sessions.front().phase == Phase::kCreated);
    CHECK(state().sessions.front().pid == pid);
    must(control->call<Done>(Start{}, kPatience));
    CHECK(ended().end.status == 0);
    CHECK(logged() == lines(2));
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "what the runtime says is the error of a start, and not in the log", "[root]") {
    configure({"exit", "0"}, [](oci_tests::Json &config) { config["process"]["args"] = {"/no/such/program"}; });
    spawn();
    const Result<Started> started = control->call<Started>(Run{}, kPatience);
    REQUIRE_FALSE(started.has_value());
    CAPTURE(started.error().message);
    CHECK(started.error().message.contains("/no/such/program"));
    CHECK(started.error().message.contains("No such file"));
    CHECK(control->failure().exit_status > 0);
    CHECK(logged().empty());
    CHECK(state().sessions.front().phase == Phase::kNew);
    control.reset(); // nobody is left who could start it
    CHECK(monitor_ended() == 0);
    CHECK_FALSE(std::filesystem::exists(settings.exit_record));
}

TEST_CASE_METHOD(MonitorFixture, "a runtime that cannot be executed is an error of its own", "[root]") {
    configure({"exit", "0"});
    settings.runtime.front() = "/no/such/runtime";
    spawn();
    const Result<Started> started = control->call<Started>(Run{}, kPatience);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == ENOENT);
    CHECK(control->failure().exit_status == -1);
}

TEST_CASE_METHOD(MonitorFixture, "a log that cannot be opened refuses the start", "[root]") {
    configure({"exit", "0"});
    settings.log.path = directory() / "no/such/directory/log";
    spawn();
    const Error error = error_of(control->call<Started>(Run{}, kPatience));
    CHECK(error.message.starts_with("failed to initialize logging driver: "));
}

TEST_CASE_METHOD(MonitorFixture, "who attaches before the start gets everything, in Docker's frames", "[root]") {
    configure({"both"});
    spawn();
    const Fd client = attach({.output = true, .errors = true});
    const Fd errors = attach({.errors = true});
    run();
    const std::string all = all_of(client);
    CHECK(unframed(all, 1) == "to stdout\n");
    CHECK(unframed(all, 2) == "to stderr\n");
    const std::string some = all_of(errors);
    CHECK(unframed(some, 1).empty());
    CHECK(unframed(some, 2) == "to stderr\n");
    ended();
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "the log is complete and in order whoever comes and goes", "[root]") {
    configure({"slow-lines", "600"});
    spawn();
    const Fd first = attach({.output = true});
    run();
    for (int i = 0; i < 10; ++i) {
        const Fd passing = attach({.output = true});
        read_until(passing, "line ");
    }
    CHECK(unframed(all_of(first), 1) == lines(600));
    CHECK(ended().end.output_complete);
    CHECK(logged() == lines(600));
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "the end of a client's input is the program's when it is asked for", "[root]") {
    settings.open_input = true;
    settings.input_once = true;
    configure({"copy"});
    spawn();
    const Fd client = attach();
    must(write_all(client, "typed before the start\n"));
    run();
    must(write_all(client, "and after it\n"));
    REQUIRE(shutdown(client.get(), SHUT_WR) == 0);
    CHECK(unframed(all_of(client), 1) == "typed before the start\nand after it\nend\n");
    CHECK(ended().end.status == 0);
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "otherwise the input outlives its client, until it is closed", "[root]") {
    settings.open_input = true;
    configure({"copy"});
    run();
    {
        const Fd client = attach();
        must(write_all(client, "one\n"));
        REQUIRE(shutdown(client.get(), SHUT_WR) == 0);
        CHECK(unframed(read_until(client, "one\n"), 1) == "one\n");
    }
    const Fd client = attach();
    must(write_all(client, "two\n"));
    read_until(client, "two\n");
    CHECK(state().sessions.front().input_open);
    must(control->call<Done>(CloseStdin{}, kPatience));
    CHECK(unframed(all_of(client), 1) == "end\n");
    ended();
    CHECK(logged() == "one\ntwo\nend\n");
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "a hundred megabytes go through in little memory", "[root]") {
    settings.log = {.driver = "json-file",
                    .path = log_path(),
                    .options = {{"max-size", "10m"}, {"max-file", "2"}},
                    .container_id = std::string(64, 'a')};
    configure({"megabytes", "100"});
    spawn();
    const Fd client = attach({.output = true});
    run();
    std::size_t got = 0;
    std::uint64_t peak = 0; // KiB
    std::vector<char> buffer(1 << 20);
    for (ssize_t count = 0; (count = read(client.get(), buffer.data(), buffer.size())) > 0;) {
        got += static_cast<std::size_t>(count);
        if (got % 64 == 0 || peak == 0) {
            peak = std::max(peak, field_of(spawned.pid, "status", "VmHWM"));
        }
    }
    CHECK(got >= 100UL << 20);
    const Event end = ended();
    CHECK(end.end.output_complete);
    CHECK(peak > 0);
    CHECK(peak < 8192);
    CHECK(std::filesystem::file_size(log_path() + ".1") <= 10'100'000);
    CHECK_FALSE(std::filesystem::exists(log_path() + ".2"));
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "a client that takes nothing is cut off; the log and the others have everything",
                 "[root]") {
    settings.stall_ms = 200;
    configure({"megabytes", "4"});
    spawn();
    const Fd lazy = attach({.output = true});
    const Fd busy = attach({.output = true});
    std::string got;
    std::thread reader([&] { got = all_of(busy); });
    run();
    const Event warning = event(Event::Kind::kWarning);
    CHECK(warning.text.contains("too slow"));
    const Event end = ended();
    reader.join();
    CHECK(end.end.output_complete);
    CHECK(unframed(got, 1).size() == 4UL << 20);
    CHECK(logged().size() == 4UL << 20);
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "somebody who holds the pipes open delays the end for a bounded time", "[root]") {
    settings.drain_ms = 300;
    configure({"leave", "600"}, [](oci_tests::Json &config) {
        config["linux"]["namespaces"] = {{{"type", "mount"}}, {{"type", "ipc"}}, {{"type", "uts"}}};
    });
    run();
    const Event end = ended();
    CHECK(end.end.status == 0);
    CHECK_FALSE(end.end.output_complete);
    CHECK(logged() == "gone\n");
    CHECK(monitor_ended() == 0);
    // Whoever is left is ours now.
    for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        const std::string line = read_file(entry.path() / "cmdline").value_or("");
        if (line.starts_with("inside") && line.contains("leave")) {
            (void)kill(std::stoi(name), SIGKILL);
        }
    }
}

TEST_CASE_METHOD(MonitorFixture, "an idle monitor is small, alone, and hard to kill for want of memory", "[root]") {
    configure({"wait"});
    run();
    const pid_t pid = spawned.pid;
    // It gives pages back in the turn after the one that started the container.
    std::uint64_t pss = field_of(pid, "smaps_rollup", "Pss");
    for (int i = 0; i < 200 && pss >= 1024; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        pss = field_of(pid, "smaps_rollup", "Pss");
    }
    WARN("ballast-monitor with an idle container: " << pss << " KiB PSS");
#ifdef NDEBUG // as it is installed
    CHECK(pss < 1024);
#endif
    CHECK(field_of(pid, "status", "Threads") == 1);
    CHECK(getsid(pid) == pid);
    CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/cwd") == "/");
    struct stat status{};
    REQUIRE(stat(settings.socket.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
    for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGPIPE}) {
        REQUIRE(kill(pid, number) == 0);
    }
    CHECK(state().sessions.front().phase == Phase::kRunning);
    must(control->call<Done>(ReopenLog{}, kPatience));
}

TEST_CASE_METHOD(MonitorFixture, "a socket in a directory that others can enter is refused", "[root]") {
    std::filesystem::permissions(directory() / "sockets", std::filesystem::perms(0755));
    spawned = must(monitor::spawn(BALLAST_MONITOR_PROGRAM, settings));
    CHECK(error_of(Connection::over(std::move(spawned.control), Purpose::kControl, kPatience)).code == EPIPE);
    CHECK(monitor_ended() == 1);
}

TEST_CASE_METHOD(MonitorFixture, "messages that make no sense end their connection and nothing else", "[root]") {
    configure({"wait"});
    run();
    for (const std::string &bytes :
         {std::string(5, '\xff'), frame_of(Type::kHello, "short"), frame_of(Type::kRun, ""),
          frame(Hello{.oldest = 9, .newest = 12}), frame(Hello{}) + frame_of(static_cast<Type>(200), "x"),
          frame(Hello{.purpose = Purpose::kEvents}) + frame(Run{}),
          frame(Hello{.purpose = Purpose::kAttach}) + frame(Attach{.session = 77})}) {
        Result<Connection> good = Connection::connect(settings.socket, Purpose::kControl, kPatience);
        REQUIRE(good.has_value());
        const Fd raw(
            must(BorrowedFd(good->socket()).get() >= 0 ? Result<int>(dup(good->socket().get())) : fail(EIO, "")));
        must(write_all(raw, bytes));
        (void)shutdown(raw.get(), SHUT_WR);
        all_of(raw); // ends
    }
    CHECK(state().sessions.front().phase == Phase::kRunning);
}
