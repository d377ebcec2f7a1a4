// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>

#include "base/fd.h"
#include "runtime/monitor/detach_keys.h"
#include "runtime/monitor/out_queue.h"
#include "runtime/monitor/protocol.h"

namespace ballast::monitor {

inline constexpr std::size_t kMostOutput = 256UL << 10; // bytes that wait for a client to take them

// The other end of a connection, as the monitor sees it.
struct Peer {
    Peer(Fd connection, std::uint64_t number) : socket(std::move(connection)), serial(number) {}

    Fd socket;
    std::uint64_t serial;
    bool greeted = false;
    Purpose purpose = Purpose::kControl;
    FrameReader frames;
    bool waits = false; // for the answer of a request that takes time: the next one is not looked at
    OutQueue out;
    std::int64_t progress_at = 0; // steady milliseconds: it took bytes, or had none to take
    bool closing = false;         // closed once `out` is sent
    bool gone = false;            // removed at the end of the round

    // Attached:
    bool attached = false;
    Attach wants;
    DetachFilter detach{""};
    bool input_ended = false;

    bool full() const { return out.size() >= kMostOutput; }
    bool takes(Role stream) const { return stream == Role::kErrors ? wants.errors : wants.output; }
    template <typename Message>
    void answer(const Message &message) {
        out.add(frame(message));
    }
    void refuse(const Error &error, std::int32_t exit_status = -1) {
        answer(Failed{.code = error.code, .exit_status = exit_status, .message = error.message.substr(0, 8192)});
    }
    void answer(const Status &status) {
        if (status) {
            answer(Done{});
        } else {
            refuse(status.error());
        }
    }
};

// The 8 bytes in front of output of a session without terminal.
std::string docker_header(Role stream, std::size_t size);

} // namespace ballast::monitor
