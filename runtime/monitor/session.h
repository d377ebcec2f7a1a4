// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

#include "base/fd.h"
#include "runtime/monitor/console_listener.h"
#include "runtime/monitor/protocol.h"
#include "runtime/monitor/runtime_call.h"

namespace ballast::monitor {

inline constexpr std::size_t kMostInput = 64UL << 10; // bytes that wait for a program to read them

// A process of the container with its streams, as the monitor holds them: the container's own, or an exec.
struct Session {
    std::uint32_t id = 0;
    std::string name;
    bool terminal = false;
    bool input_once = false;
    bool open_input = false;
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    std::string process; // exec: the file that describes it
    std::string pid_file;

    Phase phase = Phase::kNew;
    pid_t pid = -1;
    bool child = true; // of ours: otherwise it was adopted and somebody else waits for it
    Fd pidfd;
    std::optional<RuntimeCall> call; // kStarting, or `start` under way
    Type asked = Type::kRun;         // what it does
    std::uint64_t requester = 0;     // whose request it serves
    std::optional<ConsoleListener> console;
    std::optional<RuntimeCall::Streams> theirs; // the program's ends of pipes that are there before its start

    Fd input;  // of a terminal: another descriptor of it
    Fd output; // or the terminal
    Fd errors;
    std::string to_input;
    bool input_ending = false; // closed once `to_input` is written
    bool held_back = false;    // a client is full: nothing is read
    std::int64_t held_at = -1; // steady milliseconds, when that was last so

    std::optional<int> wait_status;
    std::int64_t gone_at = -1; // steady milliseconds, since it is known to have ended
    End end;                   // from kEnded on

    bool alive() const { return phase == Phase::kCreated || phase == Phase::kRunning; }
    bool waits_for_child() const { return alive() && child && !wait_status && pid > 0; }
    bool reads() const { return alive() && !held_back; }
    bool drained() const { return !output.is_open() && !errors.is_open(); }
    SessionState state() const;
};

// Makes what the session needs for its start: pipes, or a socket for a terminal at `console`. Returns the other ends.
Result<RuntimeCall::Streams> open_streams(Session &session, const std::string &console);
// Back to before open_streams().
void close_streams(Session &session);
// The terminal that the runtime has sent; nothing to do without one.
Status take_terminal(Session &session);
// EINVAL: the session has no terminal.
Status resize(Session &session, std::uint16_t rows, std::uint16_t columns);
// Gives the program what it takes of `to_input`, and then the end when it is time.
void write_input(Session &session);
// The pid in the file of a process that is ours: ESRCH when there is none.
Result<pid_t> read_pid(const std::string &file);
// status, signal and `known` of a wait status; without one it is lost.
End end_of(std::optional<int> wait_status);

} // namespace ballast::monitor
