// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/qmp.h"

#include <array>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::vm {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

int milliseconds_until(steady_clock::time_point deadline) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    return static_cast<int>(std::max<milliseconds::rep>(left, 0));
}

Result<sockaddr_un> address_of(const std::filesystem::path &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof(address.sun_path)) {
        return fail(ENAMETOOLONG, "socket " + text + ": a socket's path has at most " +
                                      std::to_string(sizeof(address.sun_path) - 1) +
                                      " characters; choose a shorter scratch or state directory");
    }
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return address;
}

Result<Fd> unix_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        return fail_errno("make a Unix socket");
    }
    return socket;
}

} // namespace

std::optional<std::string> LineBuffer::next() {
    const std::size_t end = pending_.find('\n');
    if (end == std::string::npos) {
        return std::nullopt;
    }
    std::string line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    return line;
}

Result<json> Qmp::read_message(Deadline deadline) {
    while (true) {
        if (const std::optional<std::string> line = lines_.next()) {
            json message = json::parse(*line, nullptr, false);
            if (!message.is_object()) {
                return fail(EPROTO, "QMP: not a JSON object: " + *line);
            }
            return message;
        }
        pollfd readable{socket_.get(), POLLIN, 0};
        const int ready = poll(&readable, 1, milliseconds_until(deadline));
        if (ready < 0 && errno != EINTR) {
            return fail_errno("QMP: poll");
        }
        if (ready == 0) {
            return fail(ETIMEDOUT, "QMP: no answer from QEMU in time");
        }
        std::array<char, 65536> buffer{};
        const ssize_t count = ready < 0 ? -1 : read(socket_.get(), buffer.data(), buffer.size());
        if (count == 0 || (count < 0 && errno == ECONNRESET)) {
            return fail(ECONNRESET, "QMP: QEMU closed the connection");
        }
        if (count < 0 && errno != EINTR) {
            return fail_errno("QMP: read");
        }
        if (count > 0) {
            lines_.append({buffer.data(), static_cast<std::size_t>(count)});
        }
    }
}

Result<Qmp> Qmp::negotiate(Fd socket, milliseconds timeout) {
    Qmp qmp(std::move(socket));
    const json greeting = TRY(qmp.read_message(steady_clock::now() + timeout));
    if (!greeting.contains("QMP")) {
        return fail(EPROTO, "QMP: expected a greeting, got " + greeting.dump());
    }
    TRY(qmp.execute("qmp_capabilities", {}, timeout));
    return qmp;
}

Result<json> Qmp::execute(const std::string &command, const json &arguments, milliseconds timeout) {
    json request = {{"execute", command}};
    if (!arguments.is_null()) {
        request["arguments"] = arguments;
    }
    const std::string line = request.dump() + "\n";
    // MSG_NOSIGNAL: a QEMU that has just died is an error to report, not a SIGPIPE.
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t count = send(socket_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) {
            return fail_errno("QMP: " + command);
        }
        sent += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    const Deadline deadline = steady_clock::now() + timeout;
    while (true) {
        json message = TRY(read_message(deadline).within(command));
        if (message.contains("event")) {
            events_.push_back(std::move(message));
        } else if (message.contains("error")) {
            return fail(EPROTO, "QMP: " + command + ": " + message["error"].value("desc", message.dump()));
        } else if (message.contains("return")) {
            return std::move(message["return"]);
        } else {
            return fail(EPROTO, "QMP: " + command + ": unexpected message " + message.dump());
        }
    }
}

Result<json> Qmp::wait_event(std::string_view name, milliseconds timeout) {
    const Deadline deadline = steady_clock::now() + timeout;
    while (true) {
        for (auto event = events_.begin(); event != events_.end(); ++event) {
            if (event->value("event", "") == name) {
                json data = event->value("data", json::object());
                events_.erase(event);
                return data;
            }
        }
        json message = TRY(read_message(deadline).within("wait for " + std::string(name)));
        if (message.contains("event")) {
            events_.push_back(std::move(message));
        }
    }
}

Result<QmpListener> QmpListener::listen(const std::filesystem::path &path) {
    const sockaddr_un address = TRY(address_of(path));
    Fd socket = TRY(unix_socket());
    if (bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0 ||
        ::listen(socket.get(), 1) != 0) {
        return fail_errno("listen on " + path.string());
    }
    return QmpListener(std::move(socket));
}

Result<Qmp> QmpListener::accept(BorrowedFd pidfd, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    while (true) {
        std::array<pollfd, 2> waiting{{{socket_.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}}};
        const int ready = poll(waiting.data(), waiting.size(), milliseconds_until(deadline));
        if (ready < 0 && errno != EINTR) {
            return fail_errno("wait for QEMU");
        }
        if (ready == 0) {
            return fail(ETIMEDOUT, "QEMU did not start in time");
        }
        if (ready > 0 && waiting[0].revents != 0) {
            Fd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!connection.is_open()) {
                return fail_errno("accept QEMU's connection");
            }
            return Qmp::negotiate(std::move(connection), timeout);
        }
        if (ready > 0) {
            return fail(ECHILD, "QEMU ended while it started");
        }
    }
}

Result<Fd> connect_unix(const std::filesystem::path &path) {
    const sockaddr_un address = TRY(address_of(path));
    Fd socket = TRY(unix_socket());
    if (connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) {
        return fail_errno("connect to " + path.string());
    }
    return socket;
}

} // namespace ballast::vm
