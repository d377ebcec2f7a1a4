// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace ballast {

Fd::Fd(Fd &&other) noexcept : fd_(other.release()) {}

Fd &Fd::operator=(Fd &&other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.release();
    }
    return *this;
}

Fd::~Fd() { close(); }

Result<Fd> Fd::duplicate() const {
    int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return fail_errno("duplicate descriptor " + std::to_string(fd_));
    }
    return Fd(copy);
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::close() {
    if (fd_ >= 0) {
        int saved = errno; // a destructor must not change the errno that the caller is about to report
        // Never retried: Linux frees the number even when close() says EINTR.
        (void)::close(std::exchange(fd_, -1));
        errno = saved;
    }
}

} // namespace ballast
