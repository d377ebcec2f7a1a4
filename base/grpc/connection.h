// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/grpc/call.h"
#include "base/grpc/session.h"

// The server's own: one client, from accept(2) to close(2).
namespace ballast::grpc {

class Connection;

// What a server's connections share. The mutex guards all of them: their calls are short beside what handlers do.
struct Shared {
    Methods methods;
    Limits limits;
    Fd wake;                         // an eventfd: a connection has something to send, or ended
    std::mutex mutex;                // of what follows, of all connections and of the calls' places
    std::condition_variable changed; // a call ended, or its client took something
    std::size_t running = 0;         // handlers
    std::size_t buffered = 0;        // see Limits
    bool stopping = false;
    std::vector<std::stop_source> cancelled; // to be asked once the mutex is free: callbacks may call us

    void ring() const;
    // Asks what was cancelled; without the mutex.
    void ask_to_stop();
};

// A call and whom it is for. The handler's thread and the connection share it.
struct Call::Place {
    std::shared_ptr<Shared> shared;
    std::weak_ptr<Connection> connection;
    Session::Stream stream = 0;
    // Not changed once the handler runs.
    std::string method;
    std::string request;
    Fields metadata;
    std::optional<std::chrono::steady_clock::time_point> deadline;
    std::stop_source stop;
    // Guarded by the mutex of all.
    bool over = false;    // nobody waits for the answer
    bool begun = false;   // something was sent
    bool running = false; // the handler was started
    MessageReader reader;
};

// Every call of a method needs the mutex.
class Connection : public std::enable_shared_from_this<Connection>, private Session::Events {
  public:
    static Result<std::shared_ptr<Connection>> make(std::shared_ptr<Shared> shared, Fd socket);

    // Reads what there is. False: the connection is at its end.
    bool receive();
    // Sends what the socket takes. False: the connection is at its end.
    bool flush();
    bool has_unsent() const { return !unsent_.empty(); }
    BorrowedFd socket() const { return socket_; }
    bool idle() const { return calls_.empty(); }

    // Ends the calls whose time is over, and says when the next one is.
    std::optional<std::chrono::steady_clock::time_point> end_late_calls(std::chrono::steady_clock::time_point now);
    void go_away() { session_->go_away(); }
    // The client is gone, or has to go: its calls are over.
    void cut();

    // From a handler's thread.
    bool send(Call::Place &place, std::string_view message);
    std::size_t waiting(const Call::Place &place) const { return session_->waiting(place.stream); }
    void end(Call::Place &place, const Outcome &outcome);

  private:
    Connection(std::shared_ptr<Shared> shared, Fd socket) : shared_(std::move(shared)), socket_(std::move(socket)) {}
    void on_fields(Session::Stream stream, const Fields &fields) override;
    void on_data(Session::Stream stream, std::string_view bytes) override;
    void on_end(Session::Stream stream) override;
    void on_closed(Session::Stream stream, std::uint32_t error) override;

    std::optional<Outcome> take_fields(Call::Place &place, const Fields &fields) const;
    void refuse_http(Session::Stream stream, std::string_view status);
    void start_handler(const std::shared_ptr<Call::Place> &place);
    void give_up(Call::Place &place);

    std::shared_ptr<Shared> shared_;
    Fd socket_;
    std::unique_ptr<Session> session_;
    std::map<Session::Stream, std::shared_ptr<Call::Place>> calls_;
    std::string unsent_;
    bool cut_ = false;
};

} // namespace ballast::grpc
