// SPDX-License-Identifier: Apache-2.0
// syslog: datagrams, or a stream that is connected again whenever it breaks.
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "base/unix_address.h"
#include "runtime/log/bounded_send.h"
#include "runtime/log/options.h"
#include "runtime/log/syslog_format.h"
#include "runtime/log/writer.h"

namespace ballast::container_log {
namespace {

constexpr std::size_t kMostWaiting = 256UL << 10; // bytes for a stream that is not ready
constexpr int kFirstConnectMs = 5000;
constexpr std::int64_t kRetryNs = 1'000'000'000;

struct Endpoint {
    int family = AF_UNIX;
    int type = SOCK_DGRAM;
    sockaddr_storage address{};
    socklen_t length = 0;
};

Result<Endpoint> local_endpoint(const std::string &path, int type) {
    Endpoint endpoint{.type = type, .length = sizeof(sockaddr_un)};
    const std::optional<sockaddr_un> address = unix_address(path);
    if (!address) {
        return fail(ENAMETOOLONG, "syslog-address: " + path + ": a socket's path has at most 107 bytes");
    }
    memcpy(&endpoint.address, &*address, sizeof *address);
    return endpoint;
}

Result<Endpoint> network_endpoint(const SyslogAddress &address) {
    Endpoint endpoint{.type = address.kind == SyslogAddress::Kind::kUdp ? SOCK_DGRAM : SOCK_STREAM};
    const auto port = htons(static_cast<std::uint16_t>(strtoul(address.port.c_str(), nullptr, 10)));
    sockaddr_in four{};
    sockaddr_in6 six{};
    if (inet_pton(AF_INET, address.host.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = port;
        memcpy(&endpoint.address, &four, sizeof four);
        endpoint.length = sizeof four;
    } else if (inet_pton(AF_INET6, address.host.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = port;
        memcpy(&endpoint.address, &six, sizeof six);
        endpoint.length = sizeof six;
    } else {
        return fail(EINVAL, "syslog-address: " + address.host + " is no number");
    }
    endpoint.family = endpoint.address.ss_family;
    return endpoint;
}

class SyslogWriter : public Writer {
  public:
    SyslogWriter(SyslogStyle style, std::string name, Endpoint endpoint)
        : style_(std::move(style)), name_(std::move(name)), endpoint_(endpoint) {}

    // Waits for a connection.
    Status open() {
        if (!connect()) {
            return fail_errno("dial " + name_);
        }
        if (connecting_) {
            pollfd one{socket_.get(), POLLOUT, 0};
            if (poll(&one, 1, kFirstConnectMs) != 1) {
                return fail(ETIMEDOUT, "dial " + name_ + ": " + strerror(ETIMEDOUT));
            }
            if (const int failed = connection_error(); failed != 0) {
                return fail_errno("dial " + name_, failed);
            }
            connecting_ = false;
        }
        return {};
    }

    void add(const Line &line, WriteObserver &) override {
        const std::string message = syslog_message(style_, line);
        const std::size_t output = line.text.size() + (line.ended ? 1 : 0);
        if (endpoint_.type == SOCK_DGRAM) {
            send_datagram(message, output);
        } else if (waiting_.size() + message.size() > kMostWaiting) {
            lose(output, "send to " + name_ + ": it takes nothing");
        } else {
            waiting_ += message;
        }
    }
    void flush(WriteObserver &) override { progress(); }

    int descriptor() const override { return socket_.is_open() && !waiting_.empty() ? socket_.get() : -1; }
    short events() const override { return POLLOUT; }
    int timeout_ms() const override { return !socket_.is_open() && !waiting_.empty() ? 1000 : -1; }
    bool idle() const override { return waiting_.empty(); }

    void progress() override {
        if (endpoint_.type == SOCK_DGRAM || waiting_.empty()) {
            return;
        }
        if (!socket_.is_open() && (now_ns() < retry_ns_ || !connect())) {
            return;
        }
        if (connecting_) {
            pollfd one{socket_.get(), POLLOUT, 0};
            if (poll(&one, 1, 0) != 1) {
                return;
            }
            if (connection_error() != 0) {
                disconnect();
                return;
            }
            connecting_ = false;
        }
        send_waiting();
    }

  private:
    bool connect() {
        retry_ns_ = now_ns() + kRetryNs;
        socket_ = Fd(::socket(endpoint_.family, endpoint_.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket_.is_open()) {
            return false;
        }
        if (::connect(socket_.get(), reinterpret_cast<const sockaddr *>(&endpoint_.address), endpoint_.length) != 0) {
            connecting_ = errno == EINPROGRESS;
            if (!connecting_) {
                socket_.close();
            }
            return connecting_;
        }
        connecting_ = false;
        return true;
    }

    int connection_error() const {
        int failed = 0;
        socklen_t size = sizeof failed;
        return getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failed, &size) == 0 ? failed : errno;
    }

    // A message that was cut is cut: the server would take its rest for another.
    void disconnect() {
        socket_.close();
        if (cut_) {
            waiting_.erase(0, waiting_.find('\n') + 1);
            cut_ = false;
        }
    }

    void send_waiting() {
        while (!waiting_.empty()) {
            const ssize_t sent = send(socket_.get(), waiting_.data(), waiting_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno == EINTR) {
                continue;
            }
            if (sent < 0) {
                if (errno != EAGAIN) {
                    disconnect();
                }
                return;
            }
            cut_ = waiting_[static_cast<std::size_t>(sent) - 1] != '\n';
            waiting_.erase(0, static_cast<std::size_t>(sent));
            wrote();
        }
        waiting_.shrink_to_fit();
    }

    void send_datagram(const std::string &message, std::size_t output) {
        iovec part{const_cast<char *>(message.data()), message.size()};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        // UDP tells with the next message that nobody took the last one; a local server may have been started again.
        for (int attempt = 0; attempt < 2; ++attempt) {
            if (sender_.send(socket_, header) >= 0) {
                wrote();
                return;
            }
            const int code = errno;
            if (code == EAGAIN || (!connect() && attempt > 0)) {
                break;
            }
        }
        lose(output, "send to " + name_ + ": " + strerror(errno));
    }

    SyslogStyle style_;
    std::string name_;
    Endpoint endpoint_;
    Fd socket_;
    BoundedSender sender_;
    std::string waiting_;
    std::int64_t retry_ns_ = 0;
    bool connecting_ = false;
    bool cut_ = false; // the first of what waits is the rest of a message
};

SyslogStyle style_of(const WriterSettings &settings, int facility) {
    using Format = SyslogStyle::Format;
    SyslogStyle style{.facility = facility, .tag = settings.tag, .pid = getpid()};
    std::array<char, 256> host{};
    (void)gethostname(host.data(), host.size() - 1); // a host without name is an empty one
    style.host = host.data();
    const std::string *format = option(settings.options, "syslog-format");
    if (format != nullptr && !format->empty()) {
        style.format = *format == "rfc3164"   ? Format::kRfc3164
                       : *format == "rfc5424" ? Format::kRfc5424
                                              : Format::kRfc5424Micro;
    }
    return style;
}

} // namespace

Result<std::unique_ptr<Writer>> open_syslog_writer(const WriterSettings &settings) {
    using Kind = SyslogAddress::Kind;
    const std::string *text = option(settings.options, "syslog-address");
    const std::string *facility = option(settings.options, "syslog-facility");
    const SyslogAddress address = TRY(parse_syslog_address(text != nullptr ? *text : ""));
    const SyslogStyle style = style_of(settings, TRY(syslog_facility(facility != nullptr ? *facility : "")));
    if (address.kind == Kind::kLocal) {
        auto datagrams = std::make_unique<SyslogWriter>(style, "/dev/log", TRY(local_endpoint("/dev/log", SOCK_DGRAM)));
        if (datagrams->open()) {
            return datagrams;
        }
        auto stream = std::make_unique<SyslogWriter>(style, "/dev/log", TRY(local_endpoint("/dev/log", SOCK_STREAM)));
        TRY(stream->open());
        return stream;
    }
    const bool local = address.kind == Kind::kUnixStream || address.kind == Kind::kUnixDatagram;
    const Endpoint endpoint =
        TRY(local ? local_endpoint(address.path, address.kind == Kind::kUnixStream ? SOCK_STREAM : SOCK_DGRAM)
                  : network_endpoint(address));
    auto writer = std::make_unique<SyslogWriter>(style, *text, endpoint);
    TRY(writer->open());
    return writer;
}

} // namespace ballast::container_log
