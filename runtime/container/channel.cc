// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/channel.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

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
    Record copy = record;
    iovec vector{&copy, sizeof copy};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (passed >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    ssize_t sent = 0;
    do {
        sent = sendmsg(channel.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(sizeof copy);
}

bool receive_record(BorrowedFd channel, Record &record, int *passed) {
    iovec vector{&record, sizeof record};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (passed != nullptr) {
        *passed = -1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
    }
    ssize_t received = 0;
    do {
        received = recvmsg(channel.get(), &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received != static_cast<ssize_t>(sizeof record)) {
        if (received >= 0) {
            errno = 0;
        }
        return false;
    }
    const cmsghdr *header = passed != nullptr ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        memcpy(passed, CMSG_DATA(header), sizeof *passed);
    }
    return true;
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
