// SPDX-License-Identifier: Apache-2.0
#include "base/file_io.h"
#include "base/http/stream_copy.h"
#include "runtime/api/log_frames.h"
#include "runtime/api/router.h"
#include "runtime/api/views.h"

namespace ballast::api {
namespace {

using Size = std::pair<std::uint16_t, std::uint16_t>; // height, width

Result<std::optional<Size>> console_size(const JsonCursor &body) {
    const JsonCursor size = body.at("ConsoleSize");
    if (!size.given()) {
        return std::nullopt;
    }
    std::vector<std::uint16_t> numbers;
    for (const JsonCursor item : size.items(2)) {
        numbers.push_back(item.number<std::uint16_t>());
    }
    if (numbers.size() != 2) {
        return std::nullopt; // Docker's client sends an empty one
    }
    return Size{numbers[0], numbers[1]};
}

Status create(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body());
    const JsonCursor root(*body);
    engine::ExecConfig config;
    config.attach_stdin = root.at("AttachStdin").boolean();
    config.attach_stdout = root.at("AttachStdout").boolean();
    config.attach_stderr = root.at("AttachStderr").boolean();
    config.tty = root.at("Tty").boolean();
    config.privileged = root.at("Privileged").boolean();
    config.detach_keys = root.at("DetachKeys").text();
    config.user = root.at("User").text();
    config.working_dir = root.at("WorkingDir").text();
    config.env = root.at("Env").texts();
    config.cmd = root.at("Cmd").texts();
    if (const std::optional<Size> size = TRY(console_size(root))) {
        config.console_height = size->first;
        config.console_width = size->second;
    }
    TRY(body->status());
    if (config.cmd.empty()) {
        return fail(EINVAL, "No exec command specified");
    }
    return call.answer(201, {{"Id", TRY(call.engine().create_exec(call.name(), std::move(config)))}});
}

// Whether its program could not be executed. Who waits at the other end of the stream then hears it there, and finds
// 126 or 127 when it asks for the exit code: the docker command ends with that.
bool could_not_run(Call &call, const Error &error) {
    const Result<engine::ExecState> exec = call.engine().inspect_exec(call.name());
    return error.code == EINVAL && exec.has_value() && exec->exit_code.has_value();
}

Status start(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body(false));
    const JsonCursor root(*body);
    const bool detach = root.at("Detach").boolean();
    const bool tty = root.at("Tty").boolean();
    const std::optional<Size> size = TRY(console_size(root));
    TRY(body->status());
    const Result<std::optional<Fd>> started = call.engine().start_exec(call.name(), detach, size);
    const bool told_by_stream = !detach && !started && could_not_run(call, started.error());
    if (!started && !told_by_stream) {
        return std::unexpected(started.error());
    }
    if (detach) {
        return call.nothing(200);
    }
    const bool multiplexed = !tty && call.version() >= 42;
    const BorrowedFd stop_event = call.exchange().stop_event();
    const http::Hijacked taken = TRY(call.exchange().hijack(multiplexed ? "application/vnd.docker.multiplexed-stream"
                                                                        : "application/vnd.docker.raw-stream"));
    if (told_by_stream) {
        const std::string text = started.error().message + "\r\n";
        return write_all(taken.socket, tty ? text : frame(Stream::kOutput, text));
    }
    http::copy_both_ways(taken, **started, stop_event);
    return {};
}

Status resize(Call &call) {
    const std::optional<std::int64_t> height = TRY(call.number("h", 0, 65535));
    const std::optional<std::int64_t> width = TRY(call.number("w", 0, 65535));
    if (!height || !width) {
        return fail(EINVAL, "want the terminal's size in h and w");
    }
    TRY(call.engine().resize_exec(call.name(), static_cast<std::uint16_t>(*height),
                                  static_cast<std::uint16_t>(*width)));
    return call.nothing(200);
}

Status inspect(Call &call) { return call.answer(200, exec_view(TRY(call.engine().inspect_exec(call.name())))); }

constexpr Route kRoutes[] = {
    {"POST", "/containers/{id}/exec", create},
    {"POST", "/exec/{id}/start", start},
    {"POST", "/exec/{id}/resize", resize},
    {"GET", "/exec/{id}/json", inspect},
};

} // namespace

std::span<const Route> exec_routes() { return kRoutes; }

} // namespace ballast::api
