// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd_passing.h"
#include "base/quote.h"
#include "base/unix_address.h"

namespace ballast::monitor {
namespace {

using Clock = std::chrono::steady_clock;

Status wait_for(BorrowedFd fd, short events, Clock::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
        pollfd one{fd.get(), events, 0};
        const int ready = poll(&one, 1, static_cast<int>(std::clamp<long long>(left, 0, 1'000'000'000)));
        if (ready > 0) {
            return {};
        }
        if (ready == 0) {
            return fail(ETIMEDOUT, "the monitor does not answer");
        }
        if (errno != EINTR) {
            return fail_errno("wait for the monitor");
        }
    }
}

// Exactly `size` bytes: what follows may be bytes of a session.
Status read_exactly(BorrowedFd socket, char *bytes, std::size_t size, Clock::time_point deadline, Fd *passed) {
    while (size > 0) {
        TRY(wait_for(socket, POLLIN, deadline));
        int fd = -1;
        const ssize_t got = receive_with_fd(socket, bytes, size, passed != nullptr ? &fd : nullptr);
        if (fd >= 0) {
            *passed = Fd(fd);
        }
        if (got == 0) {
            return fail(EPIPE, "the monitor is gone");
        }
        if (got < 0) {
            return fail_errno("receive from the monitor", errno == ECONNRESET ? EPIPE : errno);
        }
        bytes += got;
        size -= static_cast<std::size_t>(got);
    }
    return {};
}

Result<Fd> connect_to(const std::string &path) {
    const auto address = unix_address(path);
    if (!address) {
        return fail(ENAMETOOLONG, "connect to " + quote(path));
    }
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open() ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) != 0) {
        return fail_errno("connect to " + quote(path));
    }
    return socket;
}

} // namespace

Result<Connection> Connection::over(Fd socket, Purpose purpose, Milliseconds timeout) {
    Connection connection(std::move(socket));
    TRY(connection.greet(purpose, timeout));
    return connection;
}

Result<Connection> Connection::connect(const std::string &socket, Purpose purpose, Milliseconds timeout) {
    return over(TRY(connect_to(socket)), purpose, timeout);
}

Status Connection::greet(Purpose purpose, Milliseconds timeout) {
    welcome_ = TRY(call<Welcome>(Hello{.purpose = purpose}, timeout));
    if (welcome_.version < kOldestVersion || welcome_.version > kNewestVersion) {
        return fail(EPROTO, "the monitor speaks version " + std::to_string(welcome_.version));
    }
    return {};
}

Status Connection::send(std::string_view bytes, Milliseconds timeout) {
    const Clock::time_point deadline = Clock::now() + timeout;
    while (!bytes.empty()) {
        TRY(wait_for(socket_, POLLOUT, deadline));
        const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (sent < 0) {
            return fail_errno("send to the monitor", errno == ECONNRESET ? EPIPE : errno);
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

Result<Frame> Connection::receive(Milliseconds timeout, Fd *passed) {
    const Clock::time_point deadline = Clock::now() + timeout;
    std::array<char, kFrameHeader> header{};
    TRY(read_exactly(socket_, header.data(), header.size(), deadline, passed));
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        length |= std::size_t{static_cast<unsigned char>(header[i])} << (8 * i);
    }
    if (length > kLargestPayload) {
        return fail(EPROTO, "the monitor sends a message of " + std::to_string(length) + " bytes");
    }
    Frame frame{static_cast<Type>(header[4]), std::string(length, '\0')};
    TRY(read_exactly(socket_, frame.payload.data(), length, deadline, nullptr));
    return frame;
}

std::unexpected<Error> Connection::refused(const Frame &answer) {
    Result<Failed> failed = message_of<Failed>(answer);
    if (!failed) {
        return std::unexpected(std::move(failed).error());
    }
    failure_ = *failed;
    return fail(failure_.code, failure_.message);
}

Result<std::vector<Connection::HandedOver>> Connection::hand_over(Milliseconds timeout) {
    TRY(send(frame(HandOver{}), timeout));
    std::vector<HandedOver> all;
    for (;;) {
        Fd passed;
        const Frame answer = TRY(receive(timeout, &passed));
        if (answer.type == Type::kDone) {
            return all;
        }
        if (answer.type == Type::kFailed) {
            return refused(answer);
        }
        const Descriptor what = TRY(message_of<Descriptor>(answer));
        if (!passed.is_open()) {
            return fail(EPROTO, "the monitor announces a descriptor and sends none");
        }
        all.push_back({what, std::move(passed)});
    }
}

Result<Fd> attach(const std::string &socket, const Attach &request, Milliseconds timeout) {
    Connection connection = TRY(Connection::connect(socket, Purpose::kAttach, timeout));
    TRY(connection.call<Done>(request, timeout));
    return std::move(connection.socket_);
}

} // namespace ballast::monitor
