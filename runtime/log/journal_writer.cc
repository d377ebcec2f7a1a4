// SPDX-License-Identifier: Apache-2.0
// journald: its native protocol, https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. Fields as docker's driver has them.
#include <array>
#include <cctype>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/timestamp.h"
#include "base/unix_address.h"
#include "runtime/log/bounded_send.h"
#include "runtime/log/writer.h"

namespace ballast::container_log {
namespace {

constexpr std::size_t kShortId = 12;

void append_field(std::string &to, std::string_view name, std::string_view value) {
    to += name;
    if (!value.contains('\n')) {
        to += '=';
    } else { // any byte may follow behind the length
        to += '\n';
        for (unsigned i = 0; i < 8; ++i) {
            to += static_cast<char>(std::uint64_t{value.size()} >> (8 * i));
        }
    }
    to += value;
    to += '\n';
}

// Of a label: capital letters, digits and underscores, none of these in front. Those are journald's own.
std::string field_name(std::string_view label) {
    std::string name;
    for (const char letter : label.substr(0, 64)) {
        const auto byte = static_cast<unsigned char>(letter);
        const bool good = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        name += good ? static_cast<char>(toupper(byte)) : '_';
    }
    const std::size_t start = name.find_first_not_of("_0123456789");
    return start == std::string::npos ? "" : name.substr(start);
}

class JournalWriter : public Writer {
  public:
    JournalWriter(const WriterSettings &settings, const std::string &socket) : path_(socket) {
        append_field(common_, "CONTAINER_ID", settings.container_id.substr(0, kShortId));
        append_field(common_, "CONTAINER_ID_FULL", settings.container_id);
        append_field(common_, "CONTAINER_NAME", settings.container_name);
        append_field(common_, "CONTAINER_TAG", settings.tag);
        append_field(common_, "IMAGE_NAME", settings.image_name);
        append_field(common_, "SYSLOG_IDENTIFIER", settings.tag);
        for (const auto &[name, value] : settings.attributes) {
            if (const std::string field = field_name(name); !field.empty()) {
                append_field(common_, field, value);
            }
        }
    }

    Status connect() {
        const std::optional<sockaddr_un> address = unix_address(path_);
        if (!address) {
            return fail(ENAMETOOLONG, "connect to " + path_ + ": a socket's path has at most 107 bytes");
        }
        Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket.is_open() ||
            ::connect(socket.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) != 0) {
            return fail_errno("connect to " + path_);
        }
        socket_ = std::move(socket);
        return {};
    }

    void add(const Line &line, WriteObserver &) override {
        entry_ = common_;
        append_field(entry_, "PRIORITY", line.stream == Stream::kStderr ? "3" : "6");
        append_field(entry_, "MESSAGE", line.text);
        std::string time;
        append_timestamp(time, line.time_ns);
        append_field(entry_, "SYSLOG_TIMESTAMP", time);
        if (line.part > 0) {
            append_field(entry_, "CONTAINER_PARTIAL_ID", std::to_string(line.line));
            append_field(entry_, "CONTAINER_PARTIAL_ORDINAL", std::to_string(line.part));
            append_field(entry_, "CONTAINER_PARTIAL_LAST", line.ended ? "true" : "false");
        }
        if (!line.ended) {
            append_field(entry_, "CONTAINER_PARTIAL_MESSAGE", "true");
        }
        if (send() || ((errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET) && connect() && send())) {
            wrote();
        } else {
            lose(line.text.size() + (line.ended ? 1 : 0), "send to " + path_ + ": " + strerror(errno));
        }
    }

    void flush(WriteObserver &) override {}

  private:
    bool send() {
        iovec part{entry_.data(), entry_.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        return sender_.send(socket_, message) >= 0 || (errno == EMSGSIZE && send_file());
    }

    // More than a datagram may hold goes as a sealed file.
    bool send_file() {
        const Fd file(memfd_create("container-log", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!file.is_open() || !write_all(file, entry_) ||
            fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
            return false;
        }
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int fd = file.get();
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
        return sender_.send(socket_, message) >= 0;
    }

    std::string path_, common_, entry_;
    Fd socket_;
    BoundedSender sender_;
};

} // namespace

Result<std::unique_ptr<Writer>> open_journal_writer(const WriterSettings &settings, const std::string &socket) {
    auto writer = std::make_unique<JournalWriter>(settings, socket);
    TRY(writer->connect());
    return writer;
}

} // namespace ballast::container_log
