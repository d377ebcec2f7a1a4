// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/log/settings.h"
#include "runtime/monitor/wire.h"

namespace ballast::monitor {

// A session of a monitor that is gone, for the one that takes its place. Numbers of descriptors that spawn() is given,
// by their place in its list; -1: there is none.
struct AdoptedSession {
    std::uint32_t session = 0; // 0: the container's own process
    std::string name = {};     // of an exec: its id
    bool terminal = false;
    bool input_once = false;
    std::uint32_t pid = 0;
    std::int32_t input = -1;     // write end of the program's stdin, or the terminal
    std::int32_t output = -1;    // read end of its stdout, or the terminal again
    std::int32_t errors = -1;    // read end of its stderr
    std::int32_t process = -1;   // pidfd; none: it has ended, and may have said something that nobody has read
    std::int32_t log_state = -1; // what of the log is under way: only session 0 has one

    void each(this auto &self, auto &archive) {
        archive(self.session, self.name, self.terminal, self.input_once, self.pid, self.input, self.output, self.errors,
                self.process, self.log_state);
    }
};

// All that a monitor knows when it starts. Paths are absolute.
struct Settings {
    std::string container_id = {};
    std::string socket = {};           // that it listens on; its directory exists with mode 0700; at most 107 bytes
    std::string exit_record = {};      // exit_record.h; replaced when the container has ended
    std::string cgroup = {};           // directory of the scope's cgroup below /sys/fs/cgroup: JoinCgroup; empty: none
    std::string container_cgroup = {}; // the directory whose memory.events tells of kills; empty: none
    std::vector<std::string> runtime = {};     // ballast-oci and its global options
    std::vector<std::string> run_options = {}; // further options of its `run` and `create`
    std::string bundle = {};
    std::string pid_file = {}; // written by the runtime

    bool terminal = false;
    bool open_input = false; // otherwise stdin is /dev/null
    bool input_once = false; // the first attached client's end of input is the program's
    std::uint16_t rows = 0;  // of the terminal, as in config.json's consoleSize, which the program starts with; 0: none
    std::uint16_t columns = 0;

    container_log::WriterSettings log = {};

    std::uint8_t stop_signal = SIGTERM; // what kStop asks for begins with this signal
    std::int32_t stop_seconds = 10;     // and ends with SIGKILL after this time; -1: never

    std::uint32_t stall_ms = 10'000;          // a full client that takes nothing for so long is cut off
    std::uint32_t drain_ms = 2'000;           // pipes that somebody still holds open are read for so long after the end
    std::vector<AdoptedSession> adopted = {}; // not empty: the container runs already, its monitor was killed

    void each(this auto &self, auto &archive) {
        archive(self.container_id, self.socket, self.exit_record, self.cgroup, self.container_cgroup, self.runtime,
                self.run_options, self.bundle, self.pid_file, self.terminal, self.open_input, self.input_once,
                self.rows, self.columns, self.log, self.stop_signal, self.stop_seconds, self.stall_ms, self.drain_ms,
                self.adopted);
    }
};

// What asks a monitor to stop its container as `docker stop` does, and to say so in its record. systemd sends it to all
// that is in the scope when the machine shuts down, so it is one that does nothing to whoever does not wait for it.
inline constexpr int kStop = SIGURG;

// The message that a monitor reads from its inherited descriptor: version, length, fields.
inline constexpr std::uint32_t kSettingsVersion = 2;
std::string settings_text(const Settings &settings);
// EINVAL when the text is damaged, of another version, or asks for what cannot be.
Result<Settings> read_settings(std::string_view text);

} // namespace ballast::monitor
