// SPDX-License-Identifier: Apache-2.0
// From a program's output to its log and to who is attached.
#include <array>
#include <span>
#include <unistd.h>

#include "base/timestamp.h"
#include "runtime/monitor/monitor.h"

namespace ballast::monitor {
namespace {

constexpr std::size_t kChunk = 32UL << 10;

// One for all execs, which have no log.
std::span<char> exec_room() {
    static std::array<char, kChunk> buffer;
    return buffer;
}

} // namespace

void Monitor::read_output(Session &session, Role stream) {
    Fd &from = stream == Role::kErrors ? session.errors : session.output;
    if (!from.is_open() || !session.reads()) {
        return;
    }
    const bool own = session.id == 0;
    const std::span<char> room = own ? intake(stream).room() : exec_room();
    ssize_t got = -1;
    do {
        got = read(from.get(), room.data(), room.size());
    } while (got < 0 && errno == EINTR);
    const int code = errno;
    const auto count = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    std::string_view bytes(room.data(), count);
    if (own) {
        bytes = intake(stream).took(count); // before anything else: now it outlives us
        intake(stream).split(*writer_, now_ns());
    }
    if (got > 0) {
        show(session, stream, bytes);
    } else if (got == 0 || code != EAGAIN) { // EIO: nobody has the terminal open any more
        output_ended(session, stream);
    }
}

void Monitor::output_ended(Session &session, Role stream) {
    if (session.id == 0) {
        intake(stream).finish(*writer_, now_ns());
    }
    if (stream == Role::kErrors) {
        session.errors.close();
        return;
    }
    session.output.close();
    if (session.terminal) {
        session.input.close();
    }
}

void Monitor::show(Session &session, Role stream, std::string_view bytes) {
    for (const auto &peer : peers_) {
        if (!peer->attached || peer->closing || peer->gone || peer->wants.session != session.id ||
            !peer->takes(stream)) {
            continue;
        }
        if (peer->out.empty()) {
            peer->progress_at = now_;
        }
        if (!session.terminal) {
            peer->out.add(docker_header(stream, bytes.size()));
        }
        peer->out.add(bytes);
        send_out(*peer);
        session.held_back = session.held_back || peer->full();
    }
}

// What the last monitor had read and not written.
void Monitor::recover_output() {
    for (const Role stream : {Role::kOutput, Role::kErrors}) {
        intake(stream).split(*writer_, now_ns());
    }
}

// The end of the session's output, whether it was read to its end or not.
void Monitor::end_streams(Session &session) {
    for (const Role stream : {Role::kOutput, Role::kErrors}) {
        if ((stream == Role::kErrors ? session.errors : session.output).is_open()) {
            output_ended(session, stream);
        }
    }
    session.input.close();
    for (const auto &peer : peers_) {
        if (peer->attached && peer->wants.session == session.id) {
            peer->closing = true;
        }
    }
}

} // namespace ballast::monitor
