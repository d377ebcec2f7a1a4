// SPDX-License-Identifier: Apache-2.0
#include "base/http/stream_copy.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace ballast::http {
namespace {

constexpr std::size_t kPieceSize = 16UL << 10;

// One direction: at most one piece under way, so that a slow reader slows its writer down and costs no memory.
class Lane {
  public:
    Lane(int from, int to) : from_(from), to_(to) {}

    // What was there before the first byte of `from`.
    void preload(std::string_view bytes) { pending_.assign(bytes.begin(), bytes.end()); }

    short wanted_of_source() const { return pending_.empty() && !ended_ ? POLLIN : 0; }
    short wanted_of_sink() const { return pending_.empty() ? 0 : POLLOUT; }
    bool finished() const { return ended_ && pending_.empty(); }
    bool broken() const { return broken_; }

    void read() {
        if (!pending_.empty() || ended_) {
            return;
        }
        std::array<char, kPieceSize> piece{};
        const ssize_t count = recv(from_, piece.data(), piece.size(), MSG_DONTWAIT);
        if (count > 0) {
            pending_.assign(piece.begin(), piece.begin() + count);
            write();
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            ended_ = true;
            pass_end_on();
        }
    }

    void write() {
        while (!pending_.empty()) {
            const ssize_t count = send(to_, pending_.data(), pending_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) {
                continue;
            }
            if (count < 0) {
                broken_ = errno != EAGAIN;
                return;
            }
            pending_.erase(pending_.begin(), pending_.begin() + count);
        }
        pass_end_on();
    }

  private:
    void pass_end_on() const {
        if (finished()) {
            (void)shutdown(to_, SHUT_WR); // the other side may be gone already
        }
    }

    int from_;
    int to_;
    std::vector<char> pending_;
    bool ended_ = false;
    bool broken_ = false;
};

} // namespace

void copy_both_ways(const Hijacked &client, BorrowedFd stream, BorrowedFd stop_event, std::string_view stream_ahead) {
    const int client_fd = client.socket.get();
    Lane input(client_fd, stream.get());
    Lane output(stream.get(), client_fd);
    input.preload(client.read_ahead);
    output.preload(stream_ahead);
    while (!output.finished() && !output.broken()) {
        // A direction without anything to do is not polled for, or its end would wake us for ever.
        const auto of_client =
            static_cast<short>((input.broken() ? 0 : input.wanted_of_source()) | output.wanted_of_sink());
        const auto of_stream =
            static_cast<short>(output.wanted_of_source() | (input.broken() ? 0 : input.wanted_of_sink()));
        std::array<pollfd, 3> entries{pollfd{of_client == 0 ? -1 : client_fd, of_client, 0},
                                      pollfd{of_stream == 0 ? -1 : stream.get(), of_stream, 0},
                                      pollfd{stop_event.get(), POLLIN, 0}};
        if (entries[0].fd < 0) {
            // Standard input ended, the output stands still: a client that is gone altogether still ends it.
            entries[0] = {client_fd, 0, 0};
        }
        if (poll(entries.data(), entries.size(), -1) < 0) {
            continue; // EINTR, or a lack of memory that passes
        }
        if (entries[2].revents != 0 || ((entries[0].revents & (POLLERR | POLLNVAL)) != 0) ||
            ((entries[0].revents & POLLHUP) != 0 && input.wanted_of_source() == 0)) {
            return;
        }
        if (!input.broken()) {
            input.write();
            input.read();
        }
        output.write();
        output.read();
    }
}

} // namespace ballast::http
