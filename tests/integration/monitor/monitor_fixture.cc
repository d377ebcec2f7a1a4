// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/monitor/monitor_fixture.h"

#include <array>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>

#include "tests/integration/orphans.h"

namespace ballast::monitor_tests {

using namespace monitor;

MonitorFixture::MonitorFixture() {
    must(make_directories(directory() / "sockets", 0700));
    must(make_directories(directory() / "logs", 0700));
    settings.container_id = "web";
    settings.socket = directory() / "sockets/web.sock";
    settings.exit_record = directory() / "exit.json";
    settings.runtime = {BALLAST_OCI_PROGRAM, "--root", root().string(), "--cgroup-manager", "disabled"};
    settings.bundle = bundle();
    settings.pid_file = directory() / "pid";
    settings.log = {.driver = "json-file", .path = log_path(), .container_id = std::string(64, 'a')};
    testing::adopt_orphans();
}

MonitorFixture::~MonitorFixture() {
    control.reset();
    events.reset();
    const std::string pid = read_file(settings.pid_file).value_or("");
    if (!pid.empty()) {
        (void)oci({"delete", "--force", "web"});
    }
    if (spawned.pid > 0) {
        (void)kill(spawned.pid, SIGKILL);
        (void)waitpid(spawned.pid, nullptr, 0);
    }
    testing::end_orphans();
}

void MonitorFixture::spawn() {
    spawned = must(monitor::spawn(BALLAST_MONITOR_PROGRAM, settings));
    control = must(Connection::over(std::move(spawned.control), Purpose::kControl, kPatience));
    events = must(Connection::connect(settings.socket, Purpose::kEvents, kPatience));
    must(message_of<State>(must(events->receive(kPatience))));
}

std::uint32_t MonitorFixture::run() {
    if (!control) {
        spawn();
    }
    const Result<Started> started = control->call<Started>(Run{}, kPatience);
    INFO(control->failure().message);
    REQUIRE(started.has_value());
    return started->pid;
}

Fd MonitorFixture::attach(const Attach &request) const {
    return must(monitor::attach(settings.socket, request, kPatience));
}

Event MonitorFixture::ended(std::uint32_t session) {
    for (;;) {
        const auto event = must(message_of<Event>(must(events->receive(kPatience))));
        seen.push_back(event);
        if (event.kind == Event::Kind::kEnded && event.session == session) {
            return event;
        }
    }
}

Event MonitorFixture::event(Event::Kind kind) {
    for (;;) {
        const auto event = must(message_of<Event>(must(events->receive(kPatience))));
        seen.push_back(event);
        if (event.kind == kind) {
            return event;
        }
    }
}

int MonitorFixture::monitor_ended() {
    pollfd one{spawned.pidfd.get(), POLLIN, 0};
    REQUIRE(poll(&one, 1, static_cast<int>(kPatience.count())) == 1);
    int status = 0;
    REQUIRE(waitpid(spawned.pid, &status, 0) == spawned.pid);
    spawned.pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ExitRecord MonitorFixture::record() const {
    return must(parse_exit_record(must(read_file(settings.exit_record)), "exit.json"));
}

std::string MonitorFixture::logged() const {
    using container_log::Reader;
    const auto reader = must(Reader::open({settings.log.driver, settings.log.path, settings.log.container_id}, {}));
    std::string text;
    container_log::Entry entry;
    while (must(reader->next(entry, 0ms)) == Reader::Next::kEntry) {
        text += entry.text;
    }
    return text;
}

void MonitorFixture::create_exec(std::uint32_t session, const std::vector<std::string> &words, bool terminal,
                                 bool open_input) {
    oci_tests::Json process = oci_tests::Json::parse(must(read_file(bundle() / "config.json")))["process"];
    process["args"] = words;
    process["args"].insert(process["args"].begin(), "inside");
    process["terminal"] = terminal;
    const std::filesystem::path file = directory() / ("process" + std::to_string(session));
    must(write_file(file, process.dump()));
    must(control->call<Done>(ExecCreate{.session = session,
                                        .name = "exec" + std::to_string(session),
                                        .process = file,
                                        .pid_file = directory() / ("pid" + std::to_string(session)),
                                        .terminal = terminal,
                                        .open_input = open_input},
                             kPatience));
}

std::uint32_t MonitorFixture::exec(std::uint32_t session, const std::vector<std::string> &words, bool terminal,
                                   bool open_input) {
    create_exec(session, words, terminal, open_input);
    return must(control->call<Started>(ExecStart{session}, kPatience)).pid;
}

std::string all_of(const Fd &socket) { return read_until(socket, ""); }

std::string read_until(const Fd &socket, const std::string &wanted) {
    std::string text;
    for (;;) {
        pollfd one{socket.get(), POLLIN, 0};
        std::array<char, 65536> buffer{};
        if (!wanted.empty() && text.contains(wanted)) {
            return text;
        }
        INFO(text.substr(0, 1000));
        REQUIRE(poll(&one, 1, static_cast<int>(kPatience.count())) == 1);
        const ssize_t got = read(socket.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            CHECK(wanted.empty());
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

std::string unframed(std::string_view frames, int stream) {
    std::string text;
    while (!frames.empty()) {
        REQUIRE(frames.size() >= 8);
        std::size_t size = 0;
        for (std::size_t i = 4; i < 8; ++i) {
            size = size << 8U | static_cast<unsigned char>(frames[i]);
        }
        REQUIRE(frames.size() >= 8 + size);
        if (frames[0] == stream) {
            text += frames.substr(8, size);
        }
        frames.remove_prefix(8 + size);
    }
    return text;
}

} // namespace ballast::monitor_tests
