// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_command_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/socket.h>

#include "runtime/api/cri_stream_client.h"
#include "runtime/api/cri_upgrade.h"
#include "runtime/engine/output_frames.h"

namespace ballast::api {
namespace {

using stream::CommandEnd;
using stream::RemoteCommand;
using stream::TerminalSize;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};              // for a client's streams
constexpr std::chrono::milliseconds kPatienceForSize{200}; // for the size of its terminal

int milliseconds_until(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
}

// A client and a program's streams; one thread.
class Session : private RemoteCommand::Events {
  public:
    enum class End { kProgram, kClient, kServer }; // who ended it

    Session(http::Hijacked client, bool terminal)
        : client_(std::move(client)), terminal_(terminal), frames_([this](bool is_error, std::string_view text) {
              is_error ? command_->write_errors(text) : command_->write_output(text);
          }) {}

    static Result<std::unique_ptr<Session>> begin(http::Exchange &exchange, const stream::CommandStreams &streams,
                                                  bool terminal) {
        const Upgrade upgrade = TRY(read_upgrade(exchange.request(), stream::kCommandsOverSpdy,
                                                 stream::kCommandsOverWebSocket, stream::kCommandV1));
        auto session = std::make_unique<Session>(TRY(exchange.upgrade(upgrade.answer)), terminal);
        RemoteCommand::Events &events = *session;
        session->command_ = TRY(upgrade.wire == Upgrade::Wire::kSpdy
                                    ? RemoteCommand::over_spdy(events, streams, upgrade.protocol)
                                    : RemoteCommand::over_websocket(events, streams, upgrade.protocol));
        return session;
    }

    // Until the client has opened its streams; nothing is run for one that goes before, or takes too long.
    bool wait_for_streams(BorrowedFd stop_event) {
        return client_.begin(*command_) && wait(stop_event, kPatience, [this] { return ready_; }) == Wait::kDone;
    }

    // A client tells its size once it has its streams; one that has none to tell is not waited for any longer.
    bool wait_for_size(BorrowedFd stop_event) {
        return wait(stop_event, kPatienceForSize, [this] { return size_.has_value(); }) != Wait::kGone;
    }

    // The last size that the client has told, until somebody wants to be told of each.
    std::optional<TerminalSize> size() const { return size_; }
    void tell_sizes(std::function<void(TerminalSize)> to) { resize_ = std::move(to); }

    End carry(BorrowedFd program, BorrowedFd stop_event) {
        write_program(program);
        while (!program_ended_) {
            const short of_program = wanted_of_program();
            std::array<pollfd, 3> entries{pollfd{client_.socket().get(), client_.wanted(*command_, has_room()), 0},
                                          pollfd{of_program == 0 ? -1 : program.get(), of_program, 0},
                                          pollfd{stop_event.get(), POLLIN, 0}};
            const int ready = poll(entries.data(), entries.size(), kStreamPing);
            if (ready < 0) {
                continue;
            }
            if (ready == 0) {
                command_->ping();
            }
            if (entries[2].revents != 0) {
                return End::kServer;
            }
            if (entries[1].revents != 0) {
                read_program(program);
            }
            if (!serve_client(entries[0].revents) || gone_) {
                return End::kClient;
            }
            write_program(program);
        }
        return End::kProgram;
    }

    void finish(const CommandEnd &end, BorrowedFd stop_event) {
        command_->finish(end);
        client_.drain(*command_, stop_event);
    }
    // Without a last word: there is nobody to hear it.
    void give_up(BorrowedFd stop_event) { client_.drain(*command_, stop_event); }

  private:
    enum class Wait { kDone, kTooLong, kGone };

    Wait wait(BorrowedFd stop_event, std::chrono::milliseconds patience, const std::function<bool()> &done) {
        const Clock::time_point until = Clock::now() + patience;
        while (!gone_ && !done()) {
            std::array<pollfd, 2> entries{pollfd{client_.socket().get(), client_.wanted(*command_, has_room()), 0},
                                          pollfd{stop_event.get(), POLLIN, 0}};
            const int ready = poll(entries.data(), entries.size(), milliseconds_until(until));
            if (ready < 0) {
                continue; // EINTR, or a lack of memory that passes
            }
            if (ready == 0) {
                return Wait::kTooLong;
            }
            if (entries[1].revents != 0 || !serve_client(entries[0].revents)) {
                return Wait::kGone;
            }
        }
        return gone_ ? Wait::kGone : Wait::kDone;
    }

    bool has_room() const { return input_.size() < kMostWaiting; }
    short wanted_of_program() const {
        return static_cast<short>((client_.has_room(*command_) ? POLLIN : 0) | (input_.empty() ? 0 : POLLOUT));
    }
    bool serve_client(short happened) {
        return client_.serve(*command_, happened, has_room()) && client_.write(*command_);
    }

    void write_program(BorrowedFd program) {
        while (!input_.empty()) {
            const ssize_t count = send(program.get(), input_.data(), input_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN && errno != EINTR) {
                input_.clear(); // it takes none any more
            }
            if (count < 0) {
                return;
            }
            input_.erase(0, static_cast<std::size_t>(count));
        }
        if (input_ended_ && !told_end_) {
            told_end_ = true;
            (void)shutdown(program.get(), SHUT_WR); // it may have ended
        }
    }

    void read_program(BorrowedFd program) {
        std::array<char, kStreamPiece> piece{};
        const ssize_t count = recv(program.get(), piece.data(), piece.size(), MSG_DONTWAIT);
        const std::string_view bytes(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (count > 0) {
            terminal_ ? command_->write_output(bytes) : frames_.take(bytes);
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            program_ended_ = true;
        }
    }

    void on_ready() override { ready_ = true; }
    void on_input(std::string_view bytes) override { input_ += bytes; }
    void on_input_end() override { input_ended_ = true; }
    void on_size(std::uint16_t columns, std::uint16_t rows) override {
        size_ = {.columns = columns, .rows = rows};
        if (resize_) {
            resize_(*size_);
        }
    }
    void on_gone() override { gone_ = true; }

    StreamClient client_;
    bool terminal_;
    engine::OutputFrames frames_;
    std::unique_ptr<RemoteCommand> command_;
    std::optional<TerminalSize> size_;
    std::function<void(TerminalSize)> resize_;
    std::string input_; // to the program
    bool ready_ = false, gone_ = false;
    bool input_ended_ = false, told_end_ = false, program_ended_ = false;
};

const CommandEnd kStopped = {.exit_code = {}, .message = "the engine stops; the program goes on without this stream"};

CommandEnd end_of(engine::Engine &engine, const std::string &exec) {
    const Result<engine::ExecState> state = engine.inspect_exec(exec);
    return state && state->exit_code ? CommandEnd{.exit_code = state->exit_code}
                                     : CommandEnd{.exit_code = {}, .message = "how the command ended is not known"};
}

Result<std::optional<Fd>> start(engine::Engine &engine, const std::string &exec, std::optional<TerminalSize> size) {
    return engine.start_exec(exec, false, size ? std::optional(std::pair(size->rows, size->columns)) : std::nullopt);
}

// A container that does not run would be waited for, and those of pods run once.
Result<Fd> stream_of(engine::Attachment &attachment) {
    pollfd ready{attachment.ready().get(), POLLIN, 0};
    return poll(&ready, 1, 0) == 1 ? attachment.take() : fail(EBUSY, "the container is not running");
}

} // namespace

Status serve_exec(http::Exchange &exchange, engine::Engine &engine, const ExecStream &what) {
    const BorrowedFd stop_event = exchange.stop_event();
    const std::unique_ptr<Session> session = TRY(Session::begin(exchange, what.streams, what.streams.terminal));
    if (!session->wait_for_streams(stop_event) || (what.streams.terminal && !session->wait_for_size(stop_event))) {
        session->give_up(stop_event);
        return {};
    }
    engine::ExecConfig config;
    config.attach_stdin = what.streams.input;
    config.attach_stdout = what.streams.output;
    config.attach_stderr = what.streams.errors;
    config.tty = what.streams.terminal;
    config.detach_keys = "-";
    config.cmd = what.command;
    const Result<std::string> exec = engine.create_exec(what.container, std::move(config));
    const Result<std::optional<Fd>> program =
        exec ? start(engine, *exec, session->size()) : Result<std::optional<Fd>>(std::unexpected(exec.error()));
    if (!program) {
        session->finish({.exit_code = {}, .message = program.error().message}, stop_event);
        return {};
    }
    session->tell_sizes([&engine, &exec](TerminalSize size) {
        (void)engine.resize_exec(*exec, size.rows, size.columns); // it may have ended
    });
    switch (session->carry(**program, stop_event)) {
    case Session::End::kProgram:
        session->finish(end_of(engine, *exec), stop_event);
        break;
    case Session::End::kServer:
        session->finish(kStopped, stop_event);
        break;
    case Session::End::kClient: // the program goes on without its streams, as everywhere
        session->give_up(stop_event);
        break;
    }
    return {};
}

Status serve_attach(http::Exchange &exchange, engine::Engine &engine, const AttachStream &what) {
    const BorrowedFd stop_event = exchange.stop_event();
    const std::unique_ptr<Session> session = TRY(Session::begin(exchange, what.streams, what.container_terminal));
    if (!session->wait_for_streams(stop_event)) {
        session->give_up(stop_event);
        return {};
    }
    Result<engine::Attachment> attachment = engine.attach(what.container, {.standard_input = what.streams.input,
                                                                           .standard_output = what.streams.output,
                                                                           .standard_error = what.streams.errors,
                                                                           .detach_keys = "-"});
    const Result<Fd> program = attachment ? stream_of(*attachment) : std::unexpected(attachment.error());
    if (!program) {
        session->finish({.exit_code = {}, .message = program.error().message}, stop_event);
        return {};
    }
    const auto resize = [&](TerminalSize size) {
        (void)engine.resize(what.container, size.rows, size.columns); // it may have ended
    };
    if (session->size()) {
        resize(*session->size());
    }
    session->tell_sizes(resize);
    const Session::End end = session->carry(*program, stop_event);
    if (end == Session::End::kClient) {
        session->give_up(stop_event);
    } else {
        session->finish(end == Session::End::kServer ? kStopped : CommandEnd{.exit_code = 0}, stop_event);
    }
    return {};
}

} // namespace ballast::api
