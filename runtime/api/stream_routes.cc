// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <poll.h>

#include "base/file_io.h"
#include "base/http/stream_copy.h"
#include "runtime/api/log_frames.h"
#include "runtime/api/router.h"
#include "runtime/api/times.h"
#include "runtime/api/views.h"

namespace ballast::api {
namespace {

constexpr std::string_view kRaw = "application/vnd.docker.raw-stream";
constexpr std::string_view kMultiplexed = "application/vnd.docker.multiplexed-stream";
constexpr unsigned kNamesMultiplexed = 42; // since then the content type tells the two apart

std::string_view stream_type(const Call &call, bool tty) {
    return tty || call.version() < kNamesMultiplexed ? kRaw : kMultiplexed;
}

Result<engine::LogQuery> log_query(Call &call) {
    engine::LogQuery query;
    query.standard_output = call.flag("stdout");
    query.standard_error = call.flag("stderr");
    query.follow = call.flag("follow");
    query.details = call.flag("details");
    query.since = TRY(parse_when(call.query("since"), now()));
    query.until = TRY(parse_when(call.query("until"), now()));
    const std::string_view tail = call.query("tail");
    if (!tail.empty() && tail != "all") {
        // Any other text is all lines, as Docker has it.
        query.tail = call.number("tail", 0, std::int64_t{1} << 40).value_or(std::nullopt);
    }
    return query;
}

// Sends a container's log, framed unless it has a terminal. Through `write`, for a connection may be taken over.
Status send_log(Call &call, const engine::LogQuery &query, bool tty, const engine::Sink &write,
                const std::stop_token &stop) {
    const bool timestamps = call.flag("timestamps");
    return call.engine().logs(
        call.name(), query,
        [&](const engine::LogEntry &entry) -> Status {
            const std::string line = log_line(entry, timestamps, query.details);
            return write(tty ? line : frame(entry.standard_error ? Stream::kError : Stream::kOutput, line));
        },
        stop);
}

Status logs(Call &call) {
    const engine::LogQuery query = TRY(log_query(call));
    if (!query.standard_output && !query.standard_error) {
        return fail(EINVAL, "Bad parameters: you must choose at least one stream");
    }
    const bool tty = TRY(call.engine().inspect(call.name())).config.tty;
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    bool begun = false;
    const auto begin = [&]() -> Status {
        if (begun) {
            return {};
        }
        begun = true;
        return call.exchange().begin(200, call.headers(stream_type(call, tty)));
    };
    if (query.follow) {
        // A driver that cannot be read must still be an error of its own: asked for nothing first.
        engine::LogQuery probe = query;
        probe.follow = false;
        probe.tail = 0;
        TRY(call.engine().logs(call.name(), probe, [](const engine::LogEntry &) { return Status(); }, client.token()));
        TRY(begin()); // the client waits for the head, however long nothing is written
    }
    const Status sent = send_log(
        call, query, tty,
        [&](std::string_view bytes) -> Status {
            TRY(begin());
            return call.exchange().write(bytes);
        },
        client.token());
    if (!sent.has_value() && !begun) {
        return sent;
    }
    TRY(begin());
    if (!sent.has_value() && sent.error().code != ECANCELED) {
        const std::string text = "Error grabbing logs: " + sent.error().message + "\n";
        TRY(call.exchange().write(tty ? text : frame(Stream::kError, text)));
    }
    return call.exchange().finish();
}

// False when the client is gone, both ways, before the container starts. One that only ended its standard input is not.
bool wait_until_ready(const engine::Attachment &attachment, BorrowedFd client, BorrowedFd stop_event) {
    while (true) {
        std::array<pollfd, 3> entries{pollfd{attachment.ready().get(), POLLIN, 0}, pollfd{client.get(), 0, 0},
                                      pollfd{stop_event.get(), POLLIN, 0}};
        if (poll(entries.data(), entries.size(), -1) < 0) {
            continue; // EINTR, or a lack of memory that passes
        }
        if (entries[1].revents != 0 || entries[2].revents != 0) {
            return false;
        }
        if (entries[0].revents != 0) {
            return true;
        }
    }
}

Status attach(Call &call) {
    engine::AttachRequest request;
    const bool stream = call.flag("stream");
    request.standard_input = stream && call.flag("stdin");
    request.standard_output = call.flag("stdout");
    request.standard_error = call.flag("stderr");
    request.logs = call.flag("logs");
    request.detach_keys = call.query("detachKeys");
    const engine::Snapshot container = TRY(call.engine().inspect(call.name()));
    std::optional<engine::Attachment> attachment;
    if (stream) {
        attachment = TRY(call.engine().attach(call.name(), request));
    }
    const BorrowedFd stop_event = call.exchange().stop_event();
    const http::Hijacked taken = TRY(call.exchange().hijack(stream_type(call, container.config.tty)));
    if (request.logs) {
        const engine::LogQuery query{.standard_output = request.standard_output,
                                     .standard_error = request.standard_error};
        TRY(send_log(call, query, container.config.tty,
                     [&](std::string_view bytes) { return write_all(taken.socket, bytes); }, {}));
    }
    if (attachment && wait_until_ready(*attachment, taken.socket, stop_event)) {
        const Fd connected = TRY(attachment->take());
        http::copy_both_ways(taken, connected, stop_event);
    }
    return {};
}

Result<engine::WaitCondition> wait_condition(Call &call) {
    const std::string_view condition = call.query("condition");
    if (condition.empty() || condition == "not-running") {
        return engine::WaitCondition::kNotRunning;
    }
    if (condition == "next-exit") {
        return engine::WaitCondition::kNextExit;
    }
    if (condition == "removed") {
        return engine::WaitCondition::kRemoved;
    }
    return fail(EINVAL, "invalid condition: " + shortly_quoted(condition));
}

Status wait(Call &call) {
    const engine::WaitCondition condition = TRY(wait_condition(call));
    const auto wait_for_it = TRY(call.engine().begin_wait(call.name(), condition));
    // The client starts the container as soon as it sees the head: from here on nothing is missed.
    TRY(call.exchange().begin(200, call.headers("application/json")));
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    const Result<engine::WaitResult> result = wait_for_it(client.token());
    if (!result.has_value() && result.error().code == ECANCELED) {
        return {}; // broken off: there is nobody to tell, or we stop and the client must ask again
    }
    // A start that failed is told by its own answer; here it would be an error of waiting, and the client prints both.
    Json answer{{"StatusCode", result.has_value() ? result->exit_code : -1}};
    if (!result.has_value()) {
        answer["Error"] = {{"Message", result.error().message}};
    }
    TRY(call.exchange().write(text_of(answer) + "\n"));
    return call.exchange().finish();
}

Status stats(Call &call) {
    constexpr std::chrono::seconds kBetween{1};
    using Wake = http::Exchange::Wake;
    const bool stream = call.flag("stream", true);
    const bool one_shot = call.flag("one-shot");
    if (stream && one_shot) {
        return fail(EINVAL, "cannot have stream=true and one-shot=true");
    }
    std::optional<engine::Stats> before;
    engine::Stats sample = TRY(call.engine().stats(call.name()));
    if (!stream && !one_shot && call.exchange().wait(std::nullopt, kBetween) == Wake::kTime) {
        // A client that asks once wants to know what happens in a second.
        before = std::exchange(sample, TRY(call.engine().stats(call.name())));
    }
    if (!stream) {
        return call.answer(200, stats_view(sample, before ? &*before : nullptr));
    }
    TRY(call.exchange().begin(200, call.headers("application/json")));
    while (true) {
        TRY(call.exchange().write(text_of(stats_view(sample, before ? &*before : nullptr)) + "\n"));
        if (call.exchange().wait(std::nullopt, kBetween) != Wake::kTime) {
            break;
        }
        Result<engine::Stats> next = call.engine().stats(call.name());
        if (!next.has_value()) {
            break; // removed meanwhile
        }
        before = std::exchange(sample, std::move(*next));
    }
    return call.exchange().finish();
}

constexpr Route kRoutes[] = {
    {"GET", "/containers/{id}/logs", logs},
    {"POST", "/containers/{id}/attach", attach},
    {"POST", "/containers/{id}/wait", wait},
    {"GET", "/containers/{id}/stats", stats},
};

} // namespace

std::span<const Route> stream_routes() { return kRoutes; }

} // namespace ballast::api
