// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/connection.h"

#include <array>
#include <cerrno>
#include <exception>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/log.h"

namespace ballast::grpc {
namespace {

constexpr std::size_t kPiece = 64UL << 10;      // read at once
constexpr std::size_t kSendAhead = 256UL << 10; // taken from the session before the socket took it
const std::string kContentType = "application/grpc";

Fields trailers_of(const Outcome &outcome) {
    Fields fields = {{"grpc-status", std::to_string(static_cast<int>(outcome.code))}};
    if (!outcome.message.empty()) {
        fields.emplace_back("grpc-message", encode_message(outcome.message));
    }
    return fields;
}

const Fields &response_head() {
    static const Fields kHead = {{":status", "200"}, {"content-type", kContentType}};
    return kHead;
}

bool is_grpc(std::string_view type) {
    if (!type.starts_with(kContentType)) {
        return false;
    }
    type.remove_prefix(kContentType.size());
    return type.empty() || type.front() == '+' || type.front() == ';';
}

Outcome run_handler(const std::shared_ptr<Call::Place> &place) {
    Call call(place);
    try {
        return place->shared->methods.find(place->method)->second(call);
    } catch (const std::exception &exception) {
        log::error("call of " + place->method + ": " + exception.what());
        return {Code::kInternal, "internal error"};
    }
}

void *run_call(void *argument) {
    const std::unique_ptr<std::shared_ptr<Call::Place>> owned(static_cast<std::shared_ptr<Call::Place> *>(argument));
    const std::shared_ptr<Call::Place> place = std::move(*owned);
    const std::shared_ptr<Shared> shared = place->shared;
    const Outcome outcome = run_handler(place);
    const std::lock_guard lock(shared->mutex);
    if (const auto connection = place->connection.lock(); connection != nullptr) {
        connection->end(*place, outcome);
    }
    shared->running--;
    shared->changed.notify_all();
    return nullptr;
}

int start_thread(const Limits &limits, const std::shared_ptr<Call::Place> &place) {
    auto argument = std::make_unique<std::shared_ptr<Call::Place>>(place);
    pthread_attr_t attributes{};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, limits.thread_stack);
    pthread_t thread{};
    const int error = pthread_create(&thread, &attributes, run_call, argument.get());
    pthread_attr_destroy(&attributes);
    if (error == 0) {
        (void)argument.release(); // the thread's
    }
    return error;
}

} // namespace

void Shared::ring() const {
    (void)eventfd_write(wake.get(), 1); // fails only when it is readable already
}

void Shared::ask_to_stop() {
    std::vector<std::stop_source> sources;
    {
        const std::lock_guard lock(mutex);
        sources.swap(cancelled);
    }
    for (std::stop_source &source : sources) {
        source.request_stop();
    }
}

Result<std::shared_ptr<Connection>> Connection::make(std::shared_ptr<Shared> shared, Fd socket) {
    std::shared_ptr<Connection> made(new Connection(std::move(shared), std::move(socket)));
    made->session_ = TRY(Session::make(Session::Side::kServer, *made, {.streams = made->shared_->limits.streams}));
    return made;
}

bool Connection::receive() {
    std::array<char, kPiece> piece; // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
    const ssize_t count = recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return flush();
    }
    if (count <= 0) {
        return false;
    }
    const Status read = session_->feed({piece.data(), static_cast<std::size_t>(count)});
    return flush() && read.has_value(); // flushed in any case: it says why, as far as the other side still reads
}

bool Connection::flush() {
    if (cut_) {
        return false;
    }
    while (true) {
        if (unsent_.size() < kSendAhead) {
            Result<std::string> more = session_->output(kSendAhead - unsent_.size());
            if (!more.has_value()) {
                return false;
            }
            unsent_ += *more;
        }
        if (unsent_.empty()) {
            break;
        }
        const ssize_t count = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) {
            break;
        }
        if (count < 0 && errno != EINTR) {
            return false;
        }
        unsent_.erase(0, count < 0 ? 0 : static_cast<std::size_t>(count));
    }
    shared_->changed.notify_all(); // whoever waits in send()
    return !unsent_.empty() || !session_->over();
}

// What is wrong with a request's fields, as far as gRPC can say it.
std::optional<Outcome> Connection::take_fields(Call::Place &place, const Fields &fields) const {
    if (!shared_->methods.contains(place.method)) {
        return Outcome{Code::kUnimplemented, "unknown method " + place.method};
    }
    if (const std::string_view encoding = field(fields, "grpc-encoding"); !encoding.empty() && encoding != "identity") {
        return Outcome{Code::kUnimplemented, "messages compressed by " + std::string(encoding) + " are not taken"};
    }
    if (const std::string_view text = field(fields, "grpc-timeout"); !text.empty()) {
        const auto timeout = parse_timeout(text);
        if (!timeout) {
            return Outcome{Code::kInternal, "malformed grpc-timeout"};
        }
        place.deadline = std::chrono::steady_clock::now() + *timeout;
    }
    if (shared_->stopping) {
        return Outcome{Code::kUnavailable, "the server stops"};
    }
    return std::nullopt;
}

void Connection::refuse_http(Session::Stream stream, std::string_view status) {
    session_->respond_and_end(stream, {{":status", std::string(status)}});
}

void Connection::on_fields(Session::Stream stream, const Fields &fields) {
    if (field(fields, ":method").empty()) {
        return; // trailers, which mean nothing in a request
    }
    if (field(fields, ":method") != "POST") {
        refuse_http(stream, "405");
        return;
    }
    if (!is_grpc(field(fields, "content-type"))) {
        refuse_http(stream, "415");
        return;
    }
    auto place = std::make_shared<Call::Place>();
    place->shared = shared_;
    place->connection = weak_from_this();
    place->stream = stream;
    place->method = field(fields, ":path");
    place->metadata = fields;
    place->reader = MessageReader(shared_->limits.message);
    calls_[stream] = place;
    if (const auto refused = take_fields(*place, fields)) {
        end(*place, *refused);
    }
}

void Connection::on_data(Session::Stream stream, std::string_view bytes) {
    const auto found = calls_.find(stream);
    if (found == calls_.end() || found->second->running) {
        return; // answered already
    }
    const std::shared_ptr<Call::Place> place = found->second;
    const Outcome outcome = place->reader.feed(bytes);
    shared_->buffered += bytes.size();
    if (!outcome.ok()) {
        end(*place, outcome);
    } else if (shared_->buffered > shared_->limits.buffered) {
        end(*place, {Code::kResourceExhausted, "too many requests at once"});
    }
}

void Connection::on_end(Session::Stream stream) {
    const auto found = calls_.find(stream);
    if (found == calls_.end()) {
        return; // answered already
    }
    const std::shared_ptr<Call::Place> place = found->second;
    std::optional<std::string> message = place->reader.next();
    if (!message.has_value()) {
        end(*place, place->reader.in_the_middle() ? Outcome{Code::kInternal, "the message is cut off"}
                                                  : Outcome{Code::kUnimplemented, "a call without a message"});
        return;
    }
    shared_->buffered -= message->size() + message_prefix(0).size();
    if (place->reader.in_the_middle()) {
        end(*place, {Code::kUnimplemented, "a call with more than one message"});
        return;
    }
    place->request = std::move(*message);
    start_handler(place);
}

void Connection::start_handler(const std::shared_ptr<Call::Place> &place) {
    if (shared_->running >= shared_->limits.calls) {
        end(*place, {Code::kResourceExhausted, "too many calls at once"});
        return;
    }
    shared_->running++;
    place->running = true;
    if (const int error = start_thread(shared_->limits, place); error != 0) {
        shared_->running--;
        end(*place, {Code::kResourceExhausted, fail_errno("start a thread", error).error().message});
    }
}

void Connection::on_closed(Session::Stream stream, std::uint32_t) {
    if (const auto found = calls_.find(stream); found != calls_.end()) {
        const std::shared_ptr<Call::Place> place = found->second;
        give_up(*place);
    }
}

// The call is over; its handler, when it runs, is told so.
void Connection::give_up(Call::Place &place) {
    shared_->buffered -= place.reader.buffered();
    place.reader = MessageReader();
    if (!place.over) {
        place.over = true;
        if (place.running) {
            shared_->cancelled.push_back(place.stop);
            shared_->changed.notify_all();
        }
    }
    calls_.erase(place.stream);
}

bool Connection::send(Call::Place &place, std::string_view message) {
    if (place.over) {
        return false;
    }
    if (!place.begun) {
        place.begun = true;
        session_->respond(place.stream, response_head());
    }
    session_->append(place.stream, message_prefix(message.size()));
    session_->append(place.stream, message);
    if (!flush() || has_unsent()) {
        shared_->ring(); // the loop goes on with it
    }
    return true;
}

void Connection::end(Call::Place &place, const Outcome &outcome) {
    if (place.over) {
        return;
    }
    const auto keep = calls_.contains(place.stream) ? calls_[place.stream] : nullptr;
    if (place.begun) {
        session_->finish(place.stream, trailers_of(outcome));
    } else {
        Fields fields = response_head();
        for (auto &trailer : trailers_of(outcome)) {
            fields.push_back(std::move(trailer));
        }
        session_->respond_and_end(place.stream, fields);
    }
    const bool ran = place.running;
    place.running = false; // nobody needs to be told
    give_up(place);
    if (ran && (!flush() || has_unsent())) {
        shared_->ring(); // the loop goes on with it
    }
}

std::optional<std::chrono::steady_clock::time_point>
Connection::end_late_calls(std::chrono::steady_clock::time_point now) {
    std::optional<std::chrono::steady_clock::time_point> next;
    std::vector<std::shared_ptr<Call::Place>> late;
    for (const auto &[stream, place] : calls_) {
        if (place->deadline && *place->deadline <= now) {
            late.push_back(place);
        } else if (place->deadline && (!next || *place->deadline < *next)) {
            next = place->deadline;
        }
    }
    for (const std::shared_ptr<Call::Place> &place : late) {
        const bool ran = place->running;
        end(*place, {Code::kDeadlineExceeded, "the deadline is over"});
        if (ran) {
            shared_->cancelled.push_back(place->stop);
            shared_->changed.notify_all();
        }
    }
    return next;
}

void Connection::cut() {
    cut_ = true;
    (void)shutdown(socket_.get(), SHUT_RDWR); // gone already, perhaps
    while (!calls_.empty()) {
        const std::shared_ptr<Call::Place> place = calls_.begin()->second;
        give_up(*place);
    }
}

} // namespace ballast::grpc
