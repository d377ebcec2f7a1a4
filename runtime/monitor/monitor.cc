// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/monitor.h"

#include <csignal>
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/timestamp.h"
#include "runtime/monitor/exit_record.h"

namespace ballast::monitor {
namespace {

std::string directory_of(const std::string &path) { return path.substr(0, path.rfind('/')); }

// Nobody else may be able to reach the socket.
Status check_directory(const std::string &path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) {
        return fail_errno("stat " + quote(path));
    }
    if (!S_ISDIR(status.st_mode) || (status.st_mode & 0077U) != 0 || status.st_uid != geteuid()) {
        return fail(EPERM, quote(path) + " is not a directory of root's alone");
    }
    return {};
}

} // namespace

Monitor::Monitor(Settings settings, Fd control, std::vector<Fd> adopted)
    : settings_(std::move(settings)), adopted_(std::move(adopted)) {
    auto own = std::make_unique<Session>();
    own->terminal = settings_.terminal;
    own->input_once = settings_.input_once;
    own->open_input = settings_.open_input;
    own->rows = settings_.rows;
    own->columns = settings_.columns;
    own->pid_file = settings_.pid_file;
    sessions_.push_back(std::move(own));
    peers_.push_back(std::make_unique<Peer>(std::move(control), next_serial_++));
}

Status Monitor::prepare_signals() {
    sigset_t watched;
    (void)sigemptyset(&watched);
    (void)sigaddset(&watched, SIGCHLD);
    (void)sigaddset(&watched, kStop);
    // Whatever else is sent to all of a scope is for the container; the monitor outlives it.
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2}) {
        (void)signal(number, SIG_IGN); // cannot fail for these
    }
    if (sigprocmask(SIG_SETMASK, &watched, nullptr) != 0) {
        return fail_errno("block signals");
    }
    signals_ = Fd(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    return signals_.is_open() ? Status() : fail_errno("watch for signals");
}

Status Monitor::prepare() {
    TRY(prepare_signals());
    const int flags = fcntl(peers_.front()->socket.get(), F_GETFL);
    if (flags < 0 || fcntl(peers_.front()->socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
        return fail_errno("prepare the control socket");
    }
    memory_ = TRY(container_log::IntakeMemory::create());
    if (!settings_.adopted.empty()) {
        TRY(adopt());
    }
    output_.emplace(memory_->state(), container_log::Stream::kStdout);
    errors_.emplace(memory_->state(), container_log::Stream::kStderr);
    if (!settings_.adopted.empty()) {
        recover_output();
    }
    TRY(check_directory(directory_of(settings_.socket)));
    listener_ = TRY(listen_at(settings_.socket));
    return {};
}

Status Monitor::adopt() {
    const auto take = [this](std::int32_t place) {
        return place < 0 || static_cast<std::size_t>(place) >= adopted_.size()
                   ? Fd()
                   : std::move(adopted_[static_cast<std::size_t>(place)]);
    };
    for (const AdoptedSession &one : settings_.adopted) {
        Session *session = this->session(one.session);
        if (session == nullptr) {
            session = sessions_.emplace_back(std::make_unique<Session>()).get();
            session->id = one.session;
        }
        session->name = one.name;
        session->terminal = one.terminal;
        session->input_once = one.input_once;
        session->pid = static_cast<pid_t>(one.pid);
        session->child = false;
        session->phase = Phase::kRunning;
        session->input = take(one.input);
        session->output = take(one.output);
        session->errors = take(one.errors);
        session->pidfd = take(one.process);
        if (Fd memory = take(one.log_state); memory.is_open() && one.session == 0) {
            Result<container_log::IntakeMemory> adopted = container_log::IntakeMemory::adopt(std::move(memory));
            if (adopted) {
                memory_ = std::move(*adopted);
            } else {
                warn(adopted.error().message + ", ignoring");
            }
        }
    }
    if (const Status opened = open_log(); !opened) {
        warn(opened.error().message + ": the container goes on without a log");
        writer_ = TRY(container_log::Writer::open({}));
    }
    const container_log::IntakeState &state = memory_->state();
    const std::uint64_t lines = state.writing != 0 ? writer_->lines_behind(state.file_size) : 0;
    if (const Status recovered = container_log::recover(memory_->state(), lines); !recovered) {
        warn(recovered.error().message + ", ignoring");
        memory_ = TRY(container_log::IntakeMemory::create());
    }
    if (!settings_.container_cgroup.empty()) {
        kills_ = OomKills::open(settings_.container_cgroup).value_or(OomKills());
        look_for_kills();
    }
    return {};
}

Session *Monitor::session(std::uint32_t id) {
    for (const auto &one : sessions_) {
        if (one->id == id) {
            return one.get();
        }
    }
    return nullptr;
}

Result<Session *> Monitor::need_session(std::uint32_t id) {
    Session *found = session(id);
    if (found == nullptr) {
        return fail(ESRCH, "there is no session " + std::to_string(id));
    }
    return found;
}

Status Monitor::open_log() {
    if (writer_ == nullptr) {
        writer_ = TRY(container_log::Writer::open(settings_.log).within("failed to initialize logging driver"));
    }
    return {};
}

void Monitor::look_for_kills() {
    if (kills_.look()) {
        tell({.kind = Event::Kind::kOom, .time_ns = now_ns(), .oom_kills = kills_.count()});
    }
}

void Monitor::tell(const Event &event) {
    for (const auto &peer : peers_) {
        if (peer->greeted && peer->purpose == Purpose::kEvents && !peer->gone && !peer->closing) {
            peer->answer(event);
        }
    }
}

void Monitor::warn(const std::string &text) {
    tell({.kind = Event::Kind::kWarning, .time_ns = now_ns(), .text = text.substr(0, 8192)});
    // The journal's stream, or a terminal of a test; when it is gone there is nobody to tell.
    (void)write_all(BorrowedFd(STDERR_FILENO),
                    "<4>ballast-monitor: " + settings_.container_id.substr(0, 12) + ": " + escaped(text) + "\n");
}

} // namespace ballast::monitor
