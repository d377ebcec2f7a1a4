// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/log/reader.h"
#include "runtime/monitor/connection.h"
#include "runtime/monitor/exit_record.h"
#include "runtime/monitor/spawn.h"
#include "tests/integration/runtime/oci_fixture.h"

// The real monitor with the real ballast-oci, as ballastd uses them.
namespace ballast::monitor_tests {

using namespace std::chrono_literals;
inline constexpr monitor::Milliseconds kPatience = 30s; // of a test: whatever takes longer has failed

class MonitorFixture : public oci_tests::OciFixture {
  public:
    MonitorFixture();
    ~MonitorFixture();

    // A monitor with `settings`, its control connection and one for events.
    void spawn();
    // And the container in it. Its pid.
    std::uint32_t run();
    Fd attach(const monitor::Attach &request = {.input = true, .output = true, .errors = true}) const;
    // The events up to the end of a session; others are kept in `events`.
    monitor::Event ended(std::uint32_t session = 0);
    monitor::Event event(monitor::Event::Kind kind);
    monitor::State state() { return must(control->call<monitor::State>(monitor::GetState{}, kPatience)); }
    // The monitor's end: its exit status.
    int monitor_ended();
    monitor::ExitRecord record() const;
    // What the log has, both streams.
    std::string logged() const;
    std::string log_path() const { return directory() / "logs/container.log"; }

    // An exec that is started; its pid.
    std::uint32_t exec(std::uint32_t session, const std::vector<std::string> &words, bool terminal = false,
                       bool open_input = false);
    void create_exec(std::uint32_t session, const std::vector<std::string> &words, bool terminal = false,
                     bool open_input = false);

    monitor::Settings settings;
    monitor::Spawned spawned;
    std::optional<monitor::Connection> control, events;
    std::vector<monitor::Event> seen;
};

// Everything up to the end of the connection.
std::string all_of(const Fd &socket);
// Up to and including `wanted`.
std::string read_until(const Fd &socket, const std::string &wanted);
// The payload of one stream of Docker's frames.
std::string unframed(std::string_view frames, int stream);

} // namespace ballast::monitor_tests
