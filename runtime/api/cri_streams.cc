// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_streams.h"

#include <array>
#include <sys/random.h>

#include "base/digest.h"
#include "base/http/listener.h"
#include "runtime/api/cri_command_stream.h"
#include "runtime/api/cri_forward_stream.h"

namespace ballast::api {
namespace {

constexpr const char *kAddress = "127.0.0.1";
constexpr std::size_t kTokenSize = 24; // bytes
// Whoever does not come to the point is sent away: everybody on the machine can connect here.
constexpr http::Limits kLimits{.header_time = std::chrono::seconds(10), .idle_time = std::chrono::seconds(10)};

Result<std::string> random_token() {
    std::array<unsigned char, kTokenSize> bytes{};
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        return fail_errno("getrandom");
    }
    return hexadecimal(bytes);
}

const char *verb_of(const StreamTicket &ticket) {
    return std::holds_alternative<ExecStream>(ticket)     ? "exec"
           : std::holds_alternative<AttachStream>(ticket) ? "attach"
                                                          : "portforward";
}

Status refuse(http::Exchange &exchange, unsigned status, const std::string &why) {
    return exchange.answer(status, {{"Content-Type", "text/plain; charset=utf-8"}}, why + "\n");
}

} // namespace

Status CriStreams::listen() {
    std::vector<Fd> sockets;
    sockets.push_back(TRY(http::listen_tcp(kAddress, 0)));
    port_ = TRY(http::port_of(sockets.front()));
    const auto handle = [this](http::Exchange &exchange) {
        if (const Status served = serve(exchange); !served && !exchange.answered()) {
            (void)refuse(exchange, 400, served.error().message); // a client that is gone needs no answer
        }
    };
    server_ = std::make_unique<http::Server>(TRY(http::Server::start(std::move(sockets), handle, kLimits)));
    return {};
}

Result<std::string> CriStreams::url(StreamTicket ticket) {
    const auto now = std::chrono::steady_clock::now();
    const std::string path = std::string("/") + verb_of(ticket) + "/" + TRY(random_token());
    const std::scoped_lock lock(mutex_);
    if (stopped_) {
        return fail(ECANCELED, "the engine stops");
    }
    if (server_ == nullptr) {
        TRY(listen().within("streams"));
    }
    std::erase_if(waiting_, [now](const auto &entry) { return entry.second.until <= now; });
    if (waiting_.size() >= kMostTickets) {
        return fail(EAGAIN, "too many streams were asked for that nobody came for");
    }
    waiting_.emplace(path, Waiting{.ticket = std::move(ticket), .until = now + kGood});
    return "http://" + std::string(kAddress) + ":" + std::to_string(port_) + path;
}

Status CriStreams::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopped_ = true;
    }
    return server_ == nullptr ? Status() : server_->stop(std::chrono::milliseconds(0));
}

std::optional<StreamTicket> CriStreams::take(const std::string &path) {
    const std::scoped_lock lock(mutex_);
    auto found = waiting_.extract(path);
    return found.empty() || found.mapped().until <= std::chrono::steady_clock::now()
               ? std::nullopt
               : std::optional(std::move(found.mapped().ticket));
}

Status CriStreams::serve(http::Exchange &exchange) {
    const std::optional<StreamTicket> ticket = take(exchange.request().path);
    if (!ticket) {
        return refuse(exchange, 404, "no stream waits here: its URL is good for one connection, and for a minute");
    }
    if (const auto *forward = std::get_if<ForwardStream>(&*ticket)) {
        return serve_forward(exchange, *forward);
    }
    if (const auto *exec = std::get_if<ExecStream>(&*ticket)) {
        return serve_exec(exchange, engine_, *exec);
    }
    return serve_attach(exchange, engine_, std::get<AttachStream>(*ticket));
}

} // namespace ballast::api
