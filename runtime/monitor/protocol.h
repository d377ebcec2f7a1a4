// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/monitor/wire.h"

// What ballastd and a monitor say to each other, on the control socket that spawn() returns and on connections to the
// monitor's filesystem socket. A message is a frame: length of the payload (32 bits, little-endian), type (8 bits),
// payload (wire.h). The first message of a connection is Hello; the monitor answers Welcome, or Failed and closes.
//
// control: requests, each answered by one message (HandOver: by several), in their order.
//   Run, Create → Started | Failed     Start → Done | Failed        Resize, CloseStdin, ReopenLog, JoinCgroup → Done |
//   Failed GetState → State                   HandOver → Descriptor… Done  ExecCreate, ExecForget, TellExit → Done |
//   Failed ExecStart → Started | Failed
// attach: Attach → Done | Failed. After Done the connection is bytes: what comes in is stdin, its half-close the end of
//   it; what goes out is output, raw when the session has a terminal, otherwise in frames of Docker's
//   ({1|2, 0, 0, 0, length as 32 bits big-endian}). The monitor closes it when the session's output is complete, when
//   the detach keys were typed (event Detached), and when the client was too slow (event Warning).
// events: the monitor sends State once and then Event after Event until it ends.
//
// Sessions: 0 is the container's own process, others are execs, numbered by ballastd. A session can be attached to
// before it is started, so that nothing of its output is missed.
namespace ballast::monitor {

inline constexpr std::uint16_t kOldestVersion = 1;
inline constexpr std::uint16_t kNewestVersion = 1;
inline constexpr std::size_t kFrameHeader = 5;
inline constexpr std::size_t kLargestPayload = 256UL << 10;

enum class Type : std::uint8_t {
    kHello = 1,
    kAttach,
    kRun,
    kCreate,
    kStart,
    kResize,
    kGetState,
    kReopenLog,
    kCloseStdin,
    kExecCreate,
    kExecStart,
    kExecForget,
    kJoinCgroup,
    kHandOver,
    kTellExit,
    kWelcome = 64,
    kDone,
    kFailed,
    kStarted,
    kState,
    kDescriptor,
    kEvent,
};

enum class Purpose : std::uint8_t { kControl, kAttach, kEvents };
constexpr Purpose last_of(Purpose) { return Purpose::kEvents; }

struct Hello {
    static constexpr Type kType = Type::kHello;
    std::uint16_t oldest = kOldestVersion; // of the protocol, that the client speaks
    std::uint16_t newest = kNewestVersion;
    Purpose purpose = Purpose::kControl;
    void each(this auto &self, auto &archive) { archive(self.oldest, self.newest, self.purpose); }
};

struct Attach {
    static constexpr Type kType = Type::kAttach;
    std::uint32_t session = 0;
    bool input = false; // what the client sends is stdin; otherwise it is dropped
    bool output = false;
    bool errors = false;
    bool close_input = false;     // the end of this client's input is the program's, whatever the settings say
    std::string detach_keys = {}; // bytes: parse_detach_keys(); empty: none
    void each(this auto &self, auto &archive) {
        archive(self.session, self.input, self.output, self.errors, self.close_input, self.detach_keys);
    }
};

// Opens the log and executes `ballast-oci run --detach`, or `create`, with the settings' bundle.
struct Run {
    static constexpr Type kType = Type::kRun;
    void each(this auto &, auto &) {}
};
struct Create {
    static constexpr Type kType = Type::kCreate;
    void each(this auto &, auto &) {}
};
// `ballast-oci start`, after Create.
struct Start {
    static constexpr Type kType = Type::kStart;
    void each(this auto &, auto &) {}
};

struct Resize {
    static constexpr Type kType = Type::kResize;
    std::uint32_t session = 0;
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    void each(this auto &self, auto &archive) { archive(self.session, self.rows, self.columns); }
};

struct GetState {
    static constexpr Type kType = Type::kGetState;
    void each(this auto &, auto &) {}
};
// Opens the log's file again: somebody has renamed it.
struct ReopenLog {
    static constexpr Type kType = Type::kReopenLog;
    void each(this auto &, auto &) {}
};
struct CloseStdin {
    static constexpr Type kType = Type::kCloseStdin;
    std::uint32_t session = 0;
    void each(this auto &self, auto &archive) { archive(self.session); }
};

// A further process, not started yet. The monitor will call `ballast-oci exec --detach --process PROCESS`.
struct ExecCreate {
    static constexpr Type kType = Type::kExecCreate;
    std::uint32_t session = 0; // not 0, not in use
    std::string name = {};     // ballastd's id of it, for State and Event
    std::string process = {};  // file with the process as JSON, absolute
    std::string pid_file = {}; // absolute
    bool terminal = false;     // as in the process file
    bool open_input = false;
    std::uint16_t rows = 0; // 0: the kernel's default
    std::uint16_t columns = 0;
    void each(this auto &self, auto &archive) {
        archive(self.session, self.name, self.process, self.pid_file, self.terminal, self.open_input, self.rows,
                self.columns);
    }
};
struct ExecStart {
    static constexpr Type kType = Type::kExecStart;
    std::uint32_t session = 0;
    void each(this auto &self, auto &archive) { archive(self.session); }
};
// A session that was not started, or has ended and whose end ballastd has taken note of. (EBUSY while it runs.)
struct ExecForget {
    static constexpr Type kType = Type::kExecForget;
    std::uint32_t session = 0;
    void each(this auto &self, auto &archive) { archive(self.session); }
};
// Moves the monitor into CGROUP/monitor of its settings.
struct JoinCgroup {
    static constexpr Type kType = Type::kJoinCgroup;
    void each(this auto &, auto &) {}
};
// Copies of all descriptors that a monitor in this one's place would need. Before Run the container's pipes are made
// for it: who has them before the program starts loses nothing of its output, whoever is killed. Its process comes once
// it is there, a terminal from Create on.
struct HandOver {
    static constexpr Type kType = Type::kHandOver;
    void each(this auto &, auto &) {}
};
// For a monitor that adopted: the wait status (waitpid(2)) of a process that was not its child.
struct TellExit {
    static constexpr Type kType = Type::kTellExit;
    std::uint32_t session = 0;
    std::int32_t wait_status = 0;
    std::int64_t time_ns = 0; // since 1970
    void each(this auto &self, auto &archive) { archive(self.session, self.wait_status, self.time_ns); }
};

struct Welcome {
    static constexpr Type kType = Type::kWelcome;
    std::uint16_t version = kNewestVersion; // spoken from here on
    std::uint32_t pid = 0;                  // of the monitor
    void each(this auto &self, auto &archive) { archive(self.version, self.pid); }
};
struct Done {
    static constexpr Type kType = Type::kDone;
    void each(this auto &, auto &) {}
};
struct Failed {
    static constexpr Type kType = Type::kFailed;
    std::int32_t code = 0;         // errno-like
    std::int32_t exit_status = -1; // of ballast-oci, 128 + signal; -1: it was not ballast-oci that failed
    std::string message = {};      // one line; what ballast-oci said
    void each(this auto &self, auto &archive) { archive(self.code, self.exit_status, self.message); }
};
struct Started {
    static constexpr Type kType = Type::kStarted;
    std::uint32_t pid = 0;
    void each(this auto &self, auto &archive) { archive(self.pid); }
};

// How a process ended.
struct End {
    bool known = false;           // otherwise the status is lost
    std::int32_t status = 0;      // exit status; 128 + signal when it was killed; 255 when lost
    std::int32_t signal = 0;      // 0: none
    std::int64_t time_ns = 0;     // since 1970
    bool output_complete = false; // all pipes were read to their end, and nothing was lost for the log
    void each(this auto &self, auto &archive) {
        archive(self.known, self.status, self.signal, self.time_ns, self.output_complete);
    }
    bool operator==(const End &) const = default;
};

enum class Phase : std::uint8_t { kNew, kStarting, kCreated, kRunning, kEnded };
constexpr Phase last_of(Phase) { return Phase::kEnded; }

struct SessionState {
    std::uint32_t session = 0;
    std::string name = {};
    Phase phase = Phase::kNew;
    bool terminal = false;
    bool input_once = false;
    bool input_open = false;
    std::uint32_t pid = 0;
    std::uint32_t clients = 0;
    End end = {}; // when kEnded
    void each(this auto &self, auto &archive) {
        archive(self.session, self.name, self.phase, self.terminal, self.input_once, self.input_open, self.pid,
                self.clients, self.end);
    }
};

struct State {
    static constexpr Type kType = Type::kState;
    std::vector<SessionState> sessions = {}; // the container's own first
    std::uint64_t oom_kills = 0;
    std::uint64_t lost_log_bytes = 0;
    void each(this auto &self, auto &archive) { archive(self.sessions, self.oom_kills, self.lost_log_bytes); }
};

enum class Role : std::uint8_t { kInput, kOutput, kErrors, kProcess, kLogState };
constexpr Role last_of(Role) { return Role::kLogState; }

// One descriptor travels with its first byte (SCM_RIGHTS).
struct Descriptor {
    static constexpr Type kType = Type::kDescriptor;
    std::uint32_t session = 0;
    Role role = Role::kInput;
    void each(this auto &self, auto &archive) { archive(self.session, self.role); }
};

struct Event {
    static constexpr Type kType = Type::kEvent;
    enum class Kind : std::uint8_t { kStarted, kEnded, kOom, kDetached, kWarning };
    friend constexpr Kind last_of(Kind) { return Kind::kWarning; }
    Kind kind = Kind::kStarted;
    std::uint32_t session = 0;
    std::int64_t time_ns = 0;
    std::uint32_t pid = 0;       // Started
    End end = {};                // Ended: of session 0 the exit record is on disk already
    std::uint64_t oom_kills = 0; // Oom and Ended: of the container's cgroup, so far
    std::string text = {};       // Warning: for the log of ballastd
    void each(this auto &self, auto &archive) {
        archive(self.kind, self.session, self.time_ns, self.pid, self.end, self.oom_kills, self.text);
    }
};

struct Frame {
    Type type{};
    std::string payload = {};
};

// A whole frame of a message.
std::string frame_of(Type type, std::string_view payload);
template <typename Message>
std::string frame(const Message &message) {
    return frame_of(Message::kType, encode(message));
}

// The message of a frame; EPROTO when it is of another type.
template <typename Message>
Result<Message> message_of(const Frame &frame) {
    if (frame.type != Message::kType) {
        return fail(EPROTO, "message of type " + std::to_string(static_cast<int>(frame.type)) + ", not of " +
                                std::to_string(static_cast<int>(Message::kType)));
    }
    return decode<Message>(frame.payload, "message of type " + std::to_string(static_cast<int>(frame.type)));
}

// Cuts what arrives into frames.
class FrameReader {
  public:
    void feed(std::string_view bytes) { bytes_ += bytes; }
    // The next whole one; EPROTO when its length cannot be.
    Result<std::optional<Frame>> next();
    std::string take_rest() { return std::exchange(bytes_, {}); } // bytes behind the last frame
    std::size_t held() const { return bytes_.size(); }

  private:
    std::string bytes_ = {};
};

// Both sides' choice of a version; EPROTO when there is none in common.
Result<std::uint16_t> common_version(const Hello &hello);

} // namespace ballast::monitor
