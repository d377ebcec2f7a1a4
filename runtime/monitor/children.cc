// SPDX-License-Identifier: Apache-2.0
// Calls of the runtime, and the processes that they leave to us.
#include <algorithm>
#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/timestamp.h"
#include "runtime/monitor/exit_record.h"
#include "runtime/monitor/monitor.h"

namespace ballast::monitor {
namespace {

constexpr std::int64_t kToldWithinMs = 3000; // how long ballastd has to say how an adopted process ended

std::string console_path(const std::string &socket, std::uint32_t session) {
    return socket.substr(0, socket.rfind('/') + 1) + std::to_string(getpid()) + "." + std::to_string(session) + ".tty";
}

} // namespace

Status Monitor::call_runtime(Session &session, Peer &peer, Type asked, std::vector<std::string> words) {
    RuntimeCall::Streams theirs;
    const bool first = asked != Type::kStart;
    if (first) {
        theirs = session.theirs ? std::move(*session.theirs)
                                : TRY(open_streams(session, console_path(settings_.socket, session.id)));
        session.theirs.reset();
        if (session.console) {
            words.insert(words.end() - 1, {"--console-socket", session.console->path()});
        }
        (void)unlink(session.pid_file.c_str()); // an old one is none of this process
    }
    Result<RuntimeCall> call = RuntimeCall::start(settings_.runtime, words, std::move(theirs));
    if (!call) {
        if (first) {
            close_streams(session);
        }
        return std::unexpected(std::move(call).error());
    }
    session.phase = first ? Phase::kStarting : session.phase;
    session.call = std::move(*call);
    session.asked = asked;
    session.requester = peer.serial;
    peer.waits = true;
    return {};
}

void Monitor::call_ended(Session &session, int wait_status) {
    const int exit_status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
    const Fd none;
    const Fd &output = session.phase == Phase::kStarting ? session.errors : none;
    const Status done = exit_status == 0 ? call_succeeded(session) : Status(fail(EIO, session.call->message(output)));
    session.call.reset();
    grown_ = true;
    Peer *requester = peer(session.requester);
    if (requester != nullptr) {
        requester->waits = false;
    }
    if (!done) {
        call_failed(session, done.error(), exit_status); // an exec is gone then
    } else if (requester != nullptr && session.asked == Type::kStart) {
        requester->answer(Done{});
    } else if (requester != nullptr) {
        requester->answer(Started{.pid = static_cast<std::uint32_t>(session.pid)});
    }
    if (requester != nullptr) {
        read_frames(*requester);
    }
}

Status Monitor::call_succeeded(Session &session) {
    if (session.phase == Phase::kStarting) {
        session.pid = TRY(read_pid(session.pid_file));
        // Ours and not reaped: the number is good. By number: see base/subprocess.cc.
        session.pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, session.pid, 0)));
        if (!session.pidfd.is_open()) {
            return fail_errno("pidfd_open of the container");
        }
        TRY(take_terminal(session));
        if (session.id == 0 && !settings_.container_cgroup.empty()) {
            kills_ = OomKills::open(settings_.container_cgroup).value_or(OomKills()); // no controller, no kills
            look_for_kills();
        }
    }
    session.phase = session.asked == Type::kCreate ? Phase::kCreated : Phase::kRunning;
    if (session.phase == Phase::kRunning) {
        tell({.kind = Event::Kind::kStarted,
              .session = session.id,
              .time_ns = now_ns(),
              .pid = static_cast<std::uint32_t>(session.pid)});
    }
    return {};
}

void Monitor::call_failed(Session &session, const Error &error, int exit_status) {
    if (Peer *requester = peer(session.requester)) {
        requester->refuse(error, exit_status != 0 ? exit_status : -1);
    }
    if (session.phase != Phase::kStarting) {
        return; // `start`: the created container is still there, or its process' end is about to be told
    }
    if (session.pid > 0) { // it runs and cannot be served
        (void)kill(session.pid, SIGKILL);
        session.pid = -1;
    }
    session.pidfd.close();
    close_streams(session);
    session.phase = Phase::kNew;
    end_streams(session);
    if (session.id != 0) {
        const std::uint32_t id = session.id;
        if (peer(session.requester) == nullptr) { // who asked is gone; another may have taken note of it since
            End end = end_of({});
            end.time_ns = now_ns();
            tell({.kind = Event::Kind::kEnded, .session = id, .time_ns = end.time_ns, .end = end});
        }
        std::erase_if(sessions_, [id](const auto &one) { return one->id == id; });
    }
}

void Monitor::reap() {
    bool calls = false;
    for (std::size_t i = 0; i < sessions_.size(); ++i) { // a failed exec is erased
        Session &session = *sessions_[i];
        int status = 0;
        if (session.call && waitpid(session.call->pid(), &status, WNOHANG) == session.call->pid()) {
            const std::uint32_t id = session.id;
            call_ended(session, status);
            i -= this->session(id) == nullptr ? 1 : 0;
        }
    }
    for (const auto &session : sessions_) {
        int status = 0;
        calls = calls || session->call.has_value();
        if (session->waits_for_child() && waitpid(session->pid, &status, WNOHANG) == session->pid) {
            child_ended(session->pid, status);
        }
    }
    // Orphans of the container, and a session's own process that ended since it was asked for above. While a call is
    // under way one of them may be what it is about to name.
    int status = 0;
    for (pid_t ended = 0; !calls && (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
        child_ended(ended, status);
    }
}

void Monitor::child_ended(pid_t pid, int status) {
    for (const auto &session : sessions_) {
        if (session->pid == pid && session->waits_for_child()) {
            session->wait_status = status;
            session->gone_at = now_;
            session->end.time_ns = now_ns();
        }
    }
}

void Monitor::process_gone(Session &session) {
    session.gone_at = now_;
    session.end.time_ns = now_ns();
}

void Monitor::settle_session(Session &session) {
    if (!session.alive() || session.gone_at < 0) {
        return;
    }
    if (!session.wait_status && now_ < session.gone_at + kToldWithinMs) {
        at_latest(session.gone_at + kToldWithinMs);
        return;
    }
    // A client that takes its time holds the output back: that is no program that keeps a pipe open.
    const std::int64_t until = std::max(session.gone_at, session.held_at) + settings_.drain_ms;
    if (!session.drained() && (now_ < until || session.held_back)) {
        at_latest(session.held_back ? -1 : until);
        return;
    }
    session_ended(session);
}

void Monitor::session_ended(Session &session) {
    End end = end_of(session.wait_status);
    end.time_ns = session.end.time_ns;
    end.output_complete = session.drained();
    end_streams(session);
    if (session.id == 0) {
        look_for_kills();
        end.output_complete = end.output_complete && writer_->lost_bytes() == 0;
        const ExitRecord record{.pid = static_cast<std::uint32_t>(session.pid),
                                .end = end,
                                .oom_kills = kills_.count(),
                                .lost_log_bytes = writer_->lost_bytes(),
                                .stopped = stop_at_ >= 0};
        if (const Status written = replace_file(settings_.exit_record, exit_record_text(record), 0600); !written) {
            warn(written.error().message);
        }
    }
    session.end = end;
    session.phase = Phase::kEnded;
    session.pidfd.close();
    tell({.kind = Event::Kind::kEnded,
          .session = session.id,
          .time_ns = end.time_ns,
          .pid = static_cast<std::uint32_t>(session.pid),
          .end = end,
          .oom_kills = kills_.count()});
}

} // namespace ballast::monitor
