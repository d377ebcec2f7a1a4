// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_notify.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

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

// Any bytes carry the descriptor, but it has to be the first ones.
Result<std::size_t> send_with_descriptor(BorrowedFd socket, std::string_view text, BorrowedFd descriptor) {
    iovec part{.iov_base = const_cast<char *>(text.data()), .iov_len = text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = descriptor.get();
    std::memcpy(CMSG_DATA(header), &number, sizeof number);
    for (;;) {
        const ssize_t sent = sendmsg(socket.get(), &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            return static_cast<std::size_t>(sent);
        }
        if (errno != EINTR) {
            return socket_error("send");
        }
    }
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
    const std::size_t sent = TRY(send_with_descriptor(agent, process_state, listener));
    return send_all(agent, process_state.substr(sent));
}

} // namespace

Status send_seccomp_listener(BorrowedFd listener, const std::filesystem::path &path, const std::string &process_state) {
    return hand_over(listener, path, process_state).within("seccomp agent at " + quote(path.native()));
}

} // namespace ballast::isolate
