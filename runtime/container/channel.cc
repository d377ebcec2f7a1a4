// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/channel.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_passing.h"

namespace ballast::container {

Result<ChannelEnds> make_channel() {
    std::array<int, 2> ends{};
    // Records keep their borders, and a reader sees an end of file when the last writer is gone.
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("make the channel to the container's process");
    }
    return ChannelEnds{Fd(ends[0]), Fd(ends[1])};
}

bool send_record(BorrowedFd channel, const Record &record, int passed) {
    return send_with_fd(channel, &record, sizeof record, passed) == static_cast<ssize_t>(sizeof record);
}

bool receive_record(BorrowedFd channel, Record &record, int *passed) {
    const ssize_t received = receive_with_fd(channel, &record, sizeof record, passed);
    if (received >= 0 && received != static_cast<ssize_t>(sizeof record)) {
        errno = 0;
    }
    return received == static_cast<ssize_t>(sizeof record);
}

bool write_record(BorrowedFd channel, const Record &record) {
    ssize_t written = 0;
    do {
        written = write(channel.get(), &record, sizeof record);
    } while (written < 0 && errno == EINTR);
    return written == static_cast<ssize_t>(sizeof record);
}

bool read_record(BorrowedFd channel, Record &record) {
    ssize_t count = 0;
    do {
        count = read(channel.get(), &record, sizeof record);
    } while (count < 0 && errno == EINTR);
    if (count >= 0 && count != static_cast<ssize_t>(sizeof record)) {
        errno = 0;
    }
    return count == static_cast<ssize_t>(sizeof record);
}

} // namespace ballast::container
