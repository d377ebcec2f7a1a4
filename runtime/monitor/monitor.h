// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

#include "base/fd.h"
#include "runtime/log/intake.h"
#include "runtime/log/writer.h"
#include "runtime/monitor/oom_kills.h"
#include "runtime/monitor/peer.h"
#include "runtime/monitor/session.h"
#include "runtime/monitor/settings.h"

// The whole of ballast-monitor: one loop around poll(2).
namespace ballast::monitor {

class Monitor {
  public:
    // `control`: the first connection; `adopted`: the descriptors that the settings count.
    Monitor(Settings settings, Fd control, std::vector<Fd> adopted);
    // Signals are blocked, the socket listens, and an adopted container is served.
    Status prepare();
    // Until the container has ended and everything is written, or nobody is left who could start one.
    void run();

  private:
    enum class Watched : std::uint8_t { kSignals, kListener, kWriter, kOom, kInput, kOutput, kErrors, kProcess, kPeer };
    struct Watch {
        Watched what;
        std::uint32_t session = 0; // by number: it may be gone when its turn comes
        Peer *peer = nullptr;
    };

    // loop.cc
    void watch(int fd, short events, Watch what);
    void watch_session(Session &session);
    void watch_peer(Peer &peer);
    int timeout();
    void serve(const Watch &what, short events);
    void settle();
    bool over();
    void at_latest(std::int64_t moment);

    // streams.cc
    void read_output(Session &session, Role stream);
    void output_ended(Session &session, Role stream);
    void show(Session &session, Role stream, std::string_view bytes);
    void end_streams(Session &session);
    void recover_output();
    container_log::Intake &intake(Role stream) { return stream == Role::kErrors ? *errors_ : *output_; }

    // peers.cc
    bool accepts_input(const Peer &peer, const Session *session) const;
    void accept_peers();
    void peer_ready(Peer &peer, short events);
    void attached_input(Peer &peer, std::string_view typed);
    void input_ended(Peer &peer);
    void read_frames(Peer &peer);
    void send_out(Peer &peer);
    void cut_off_slow();
    Peer *peer(std::uint64_t serial);

    // requests.cc
    void handle(Peer &peer, const Frame &frame);
    void greet(Peer &peer, const Frame &frame);
    Status request(Peer &peer, const Frame &frame);
    Status attach(Peer &peer, const Attach &wants);
    Status start_container(Peer &peer, Type type);
    Status start_exec(Peer &peer, std::uint32_t id);
    Status create_exec(const ExecCreate &exec);
    Status forget_exec(std::uint32_t id);
    Status join_cgroup() const;
    Status hand_over(Peer &peer);
    State state() const;

    // children.cc
    Status call_runtime(Session &session, Peer &peer, Type asked, std::vector<std::string> words);
    void call_ended(Session &session, int wait_status);
    Status call_succeeded(Session &session);
    void call_failed(Session &session, const Error &error, int exit_status);
    void reap();
    void child_ended(pid_t pid, int status);
    void process_gone(Session &session);
    void settle_session(Session &session);
    void session_ended(Session &session);

    // stop.cc
    void settle_stop();

    // monitor.cc
    Status prepare_signals();
    Status adopt();
    Session *session(std::uint32_t id);
    Result<Session *> need_session(std::uint32_t id);
    Session &main() { return *sessions_.front(); }
    const Session &main() const { return *sessions_.front(); }
    Status open_log();
    void look_for_kills();
    void tell(const Event &event);
    void warn(const std::string &text);

    Settings settings_;
    std::vector<Fd> adopted_;
    Fd signals_, listener_;
    std::vector<std::unique_ptr<Session>> sessions_; // the container's own first
    std::vector<std::unique_ptr<Peer>> peers_;
    std::uint64_t next_serial_ = 1; // 1: the first control connection
    std::unique_ptr<container_log::Writer> writer_;
    std::optional<container_log::IntakeMemory> memory_;
    std::optional<container_log::Intake> output_, errors_;
    OomKills kills_;
    std::vector<pollfd> polled_;
    std::vector<Watch> watched_;
    std::int64_t now_ = 0;       // steady milliseconds, of this round
    std::int64_t deadline_ = -1; // of the next thing that happens by time; -1: none
    std::int64_t linger_until_ = -1;
    bool stop_asked_ = false;   // by kStop
    std::int64_t stop_at_ = -1; // steady milliseconds, when its signal was sent
    bool stop_killed_ = false;  // it has not ended by that
    bool grown_ = false;        // something was started: what that took is given back
};

} // namespace ballast::monitor
