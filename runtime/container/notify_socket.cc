// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/notify_socket.h"

#include "base/unix_address.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ballast::container {
namespace {

constexpr const char *kDirectory = "notify";
constexpr std::string_view kVariable = "NOTIFY_SOCKET=";
constexpr std::string_view kReady = "READY=1";

bool says_ready(std::string_view message) {
    while (!message.empty()) {
        const std::size_t end = std::min(message.find('\n'), message.size());
        if (message.substr(0, end) == kReady) {
            return true;
        }
        message.remove_prefix(std::min(end + 1, message.size()));
    }
    return false;
}

void send_ready(const std::string &path) {
    const auto address = unix_address(path);
    if (!address) {
        return; // no socket can be there
    }
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // As with sd_notify(3) itself, nobody who listens any more is no error of the one who tells.
    (void)sendto(socket.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr *>(&*address), sizeof *address);
}

} // namespace

std::string caller_notify_socket() {
    const char *path = getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe): one thread
    return path != nullptr && path[0] == '/' ? path : "";
}

fs::path notify_directory(const fs::path &root, const std::string &id) { return root / id / kDirectory; }

void add_notify(oci::Spec &spec, const std::string &path, const fs::path &directory) {
    oci::Mount mount;
    mount.destination = path;
    mount.type = "bind";
    mount.source = directory;
    mount.options = {"bind", "nosuid", "nodev", "noexec"};
    spec.mounts.push_back(std::move(mount));
    std::vector<std::string> &env = spec.process->env;
    std::erase_if(env, [](const std::string &entry) { return entry.starts_with(kVariable); });
    env.push_back(std::string(kVariable) + path + "/" + kDirectory);
}

Status NotifySocket::make_directory(const ContainerDir &directory) {
    // Reached by the container's bind mount only, so that its users may all enter it.
    if (mkdirat(directory.fd().get(), kDirectory, 0755) != 0 ||
        fchmodat(directory.fd().get(), kDirectory, 0755, 0) != 0) {
        return fail_errno("make " + (directory.path() / kDirectory).string());
    }
    return {};
}

Result<NotifySocket> NotifySocket::listen(const ContainerDir &directory, const State &state) {
    NotifySocket result;
    if (state.notify_socket.empty()) {
        return result;
    }
    const std::string name = std::string(kDirectory) + "/" + kDirectory;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory.fd().get(), name.c_str());
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)unlinkat(directory.fd().get(), name.c_str(), 0);      // of a `start` that was killed
    if (!socket.is_open() || fchmod(socket.get(), 0666) != 0 || // what bind(2) gives the file
        bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        return fail_errno("make " + (directory.path() / name).string());
    }
    result.fd_ = std::move(socket);
    result.to_ = state.notify_socket;
    return result;
}

void NotifySocket::relay() {
    std::array<char, 4096> buffer{};
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size > 0 && says_ready({buffer.data(), static_cast<std::size_t>(size)})) {
        send_ready(to_);
        fd_.close();
    }
}

Status NotifySocket::wait(BorrowedFd pidfd) {
    while (is_open()) {
        std::array<pollfd, 2> watched{{{fd_.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}}};
        if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
            return fail_errno("wait for the container to be ready");
        }
        if ((watched[0].revents & POLLIN) != 0) {
            relay();
        } else if ((watched[1].revents & POLLIN) != 0) {
            return {};
        }
    }
    return {};
}

} // namespace ballast::container
