// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_notify.h"

#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/fd_passing.h"
#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::isolate {
namespace {

constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

// With a time limit on a socket these calls give up with EAGAIN.
std::unexpected<Error> socket_error(const char *what) {
    return fail_errno(what, errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno);
}

Status connect_to(BorrowedFd socket, const std::filesystem::path &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string name = path.string();
    Fd place; // holds a socket whose path is too long for an address
    if (name.size() >= sizeof address.sun_path) {
        place = TRY(open_file(path, O_PATH));
        name = "/proc/self/fd/" + std::to_string(place.get());
    }
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    while (connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        if (errno != EINTR) {
            return socket_error("connect");
        }
    }
    return {};
}

Status send_all(BorrowedFd socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return socket_error("send");
        }
        text.remove_prefix(static_cast<std::size_t>(sent < 0 ? 0 : sent));
    }
    return {};
}

Status hand_over(BorrowedFd listener, const std::filesystem::path &path, std::string_view process_state) {
    if (process_state.empty()) {
        return fail(EINVAL, "no container process state to send");
    }
    const Fd agent(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!agent.is_open() || setsockopt(agent.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) != 0) {
        return fail_errno("socket");
    }
    TRY(connect_to(agent, path));
    // Any bytes carry the descriptor, but it has to be the first ones.
    const ssize_t sent = send_with_fd(agent, process_state.data(), process_state.size(), listener.get());
    if (sent < 0) {
        return socket_error("send");
    }
    return send_all(agent, process_state.substr(static_cast<std::size_t>(sent)));
}

} // namespace

Status send_seccomp_listener(BorrowedFd listener, const std::filesystem::path &path, const std::string &process_state) {
    return hand_over(listener, path, process_state).within("seccomp agent at " + quote(path.native()));
}

} // namespace ballast::isolate
