// SPDX-License-Identifier: Apache-2.0
// What ballastd asks for.
#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/monitor/monitor.h"

namespace ballast::monitor {
namespace {

constexpr std::size_t kMostSessions = 1024;
constexpr std::size_t kMostEnded = 256; // execs whose end nobody has taken note of

Status check_session_start(const Session &session) {
    return session.phase == Phase::kNew && !session.call
               ? Status()
               : Status(fail(EALREADY, "session " + std::to_string(session.id) + " was started already"));
}

} // namespace

void Monitor::handle(Peer &peer, const Frame &frame) {
    if (!peer.greeted) {
        greet(peer, frame);
        return;
    }
    const Status done = request(peer, frame);
    if (!done) {
        peer.refuse(done.error());
        peer.closing = peer.closing || done.error().code == EPROTO || peer.purpose == Purpose::kAttach;
    }
}

void Monitor::greet(Peer &peer, const Frame &frame) {
    const Result<Hello> hello = message_of<Hello>(frame);
    const Result<std::uint16_t> version = hello ? common_version(*hello) : fail(EPROTO, hello.error().message);
    if (!version) {
        peer.refuse(version.error());
        peer.closing = true;
        return;
    }
    peer.greeted = true;
    peer.purpose = hello->purpose;
    peer.answer(Welcome{.version = *version, .pid = static_cast<std::uint32_t>(getpid())});
    if (peer.purpose == Purpose::kEvents) {
        peer.answer(state());
    }
}

// Answers, unless it fails: then the error is the answer.
Status Monitor::request(Peer &peer, const Frame &frame) {
    if (peer.purpose == Purpose::kAttach) {
        return attach(peer, TRY(message_of<Attach>(frame)));
    }
    if (peer.purpose != Purpose::kControl) {
        return fail(EPROTO, "a request on a connection for events");
    }
    switch (frame.type) {
    case Type::kRun:
    case Type::kCreate:
    case Type::kStart:
        return start_container(peer, frame.type);
    case Type::kExecStart:
        return start_exec(peer, TRY(message_of<ExecStart>(frame)).session);
    case Type::kHandOver:
        return hand_over(peer);
    case Type::kGetState:
        peer.answer(state());
        return {};
    case Type::kResize: {
        const Resize wanted = TRY(message_of<Resize>(frame));
        TRY(resize(*TRY(need_session(wanted.session)), wanted.rows, wanted.columns));
        break;
    }
    case Type::kReopenLog:
        if (writer_ != nullptr) {
            TRY(writer_->reopen());
        }
        break;
    case Type::kCloseStdin: {
        Session &session = *TRY(need_session(TRY(message_of<CloseStdin>(frame)).session));
        session.input_ending = true;
        if (session.alive()) {
            write_input(session);
        }
        break;
    }
    case Type::kExecCreate:
        TRY(create_exec(TRY(message_of<ExecCreate>(frame))));
        break;
    case Type::kExecForget:
        TRY(forget_exec(TRY(message_of<ExecForget>(frame)).session));
        break;
    case Type::kJoinCgroup:
        TRY(join_cgroup());
        break;
    case Type::kTellExit: {
        const TellExit told = TRY(message_of<TellExit>(frame));
        Session &session = *TRY(need_session(told.session));
        if (!session.alive() || session.child) {
            return fail(EINVAL, "the monitor waits for that process itself, or it has ended");
        }
        session.wait_status = told.wait_status;
        session.end.time_ns = told.time_ns;
        session.gone_at = session.gone_at < 0 ? now_ : session.gone_at;
        break;
    }
    default:
        return fail(EPROTO, "a request of unknown type " + std::to_string(static_cast<int>(frame.type)));
    }
    peer.answer(Done{});
    return {};
}

Status Monitor::attach(Peer &peer, const Attach &wants) {
    Session &session = *TRY(need_session(wants.session));
    if (session.phase == Phase::kEnded) {
        return fail(ESRCH, "session " + std::to_string(wants.session) + " has ended");
    }
    if (wants.detach_keys.size() > kMostDetachKeys) {
        return fail(EINVAL, "too many detach keys");
    }
    peer.wants = wants;
    peer.detach = DetachFilter(wants.detach_keys);
    peer.answer(Done{});
    peer.attached = true;
    peer.progress_at = now_;
    return {};
}

Status Monitor::start_container(Peer &peer, Type type) {
    Session &own = main();
    if (type == Type::kStart) {
        if (own.phase != Phase::kCreated || own.call) {
            return fail(EINVAL, "the container is not created, or runs already");
        }
        return call_runtime(own, peer, type, {"start", settings_.container_id});
    }
    TRY(check_session_start(own));
    TRY(open_log());
    std::vector<std::string> words{type == Type::kRun ? "run" : "create", "--bundle", settings_.bundle, "--pid-file",
                                   settings_.pid_file};
    if (type == Type::kRun) {
        words.emplace_back("--detach");
    }
    words.insert(words.end(), settings_.run_options.begin(), settings_.run_options.end());
    words.push_back(settings_.container_id);
    return call_runtime(own, peer, type, std::move(words));
}

Status Monitor::create_exec(const ExecCreate &exec) {
    if (session(exec.session) != nullptr) {
        return fail(EEXIST, "session " + std::to_string(exec.session) + " is in use");
    }
    if (!exec.process.starts_with('/') || !exec.pid_file.starts_with('/')) {
        return fail(EINVAL, "exec: want absolute paths");
    }
    if (main().phase != Phase::kRunning) {
        return fail(ESRCH, "the container does not run");
    }
    // Ends that nobody asks for must not fill the memory.
    if (std::ranges::count(sessions_, Phase::kEnded, [](const auto &one) { return one->phase; }) >=
        static_cast<std::ptrdiff_t>(kMostEnded)) {
        sessions_.erase(std::ranges::find(sessions_, Phase::kEnded, [](const auto &one) { return one->phase; }));
    }
    if (sessions_.size() >= kMostSessions) {
        return fail(EMFILE, "the container has too many execs");
    }
    auto made = std::make_unique<Session>();
    made->id = exec.session;
    made->name = exec.name;
    made->process = exec.process;
    made->pid_file = exec.pid_file;
    made->terminal = exec.terminal;
    made->open_input = exec.open_input;
    made->rows = exec.rows;
    made->columns = exec.columns;
    sessions_.push_back(std::move(made));
    return {};
}

Status Monitor::start_exec(Peer &peer, std::uint32_t id) {
    Session &exec = *TRY(need_session(id));
    TRY(check_session_start(exec));
    if (main().phase != Phase::kRunning) {
        return fail(ESRCH, "the container does not run");
    }
    std::vector<std::string> words{"exec",       "--detach",    "--process",           exec.process,
                                   "--pid-file", exec.pid_file, settings_.container_id};
    return call_runtime(exec, peer, Type::kExecStart, std::move(words));
}

Status Monitor::forget_exec(std::uint32_t id) {
    Session &exec = *TRY(need_session(id));
    if (id == 0 || exec.alive() || exec.call) {
        return fail(EBUSY, "session " + std::to_string(id) + " is not over");
    }
    exec.phase = Phase::kEnded;
    end_streams(exec);
    std::erase_if(sessions_, [id](const auto &one) { return one->id == id; });
    return {};
}

Status Monitor::join_cgroup() const {
    if (settings_.cgroup.empty()) {
        return fail(EINVAL, "the settings name no cgroup");
    }
    const std::string directory = settings_.cgroup + "/monitor";
    if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
        return fail_errno("make cgroup " + quote(directory));
    }
    return write_file(directory + "/cgroup.procs", std::to_string(getpid()));
}

Status Monitor::hand_over(Peer &peer) {
    if (Session &own = main(); own.phase == Phase::kNew && !own.call && !own.terminal && !own.theirs) {
        own.theirs = TRY(open_streams(own, ""));
    }
    for (const auto &session : sessions_) {
        const auto add = [&](Role role, BorrowedFd fd) -> Status {
            if (fd.get() < 0) {
                return {};
            }
            Fd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
            if (!copy.is_open()) {
                return fail_errno("copy a descriptor");
            }
            peer.out.add(frame(Descriptor{.session = session->id, .role = role}), std::move(copy));
            return {};
        };
        if (session->alive() || (session->id == 0 && session->phase != Phase::kEnded)) {
            TRY(add(Role::kInput, session->input));
            TRY(add(Role::kOutput, session->output));
            TRY(add(Role::kErrors, session->errors));
            TRY(add(Role::kProcess, session->pidfd));
            TRY(add(Role::kLogState, session->id == 0 ? memory_->fd() : BorrowedFd(-1)));
        }
    }
    peer.answer(Done{});
    return {};
}

State Monitor::state() const {
    State all;
    all.oom_kills = kills_.count();
    all.lost_log_bytes = writer_ != nullptr ? writer_->lost_bytes() : 0;
    for (const auto &session : sessions_) {
        SessionState one = session->state();
        for (const auto &peer : peers_) {
            one.clients +=
                peer->attached && !peer->closing && !peer->gone && peer->wants.session == one.session ? 1 : 0;
        }
        all.sessions.push_back(std::move(one));
    }
    return all;
}

} // namespace ballast::monitor
