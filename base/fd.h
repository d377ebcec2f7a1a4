// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace ballast {

// A descriptor that somebody else owns and keeps open for the duration of the call.
class BorrowedFd {
  public:
    explicit BorrowedFd(int fd) : fd_(fd) {}
    int get() const { return fd_; }

  private:
    int fd_;
};

// An open file descriptor, closed on destruction. Move-only; a second reference is an explicit duplicate().
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd &&other) noexcept;
    Fd &operator=(Fd &&other) noexcept;
    Fd(const Fd &) = delete;
    Fd &operator=(const Fd &) = delete;
    ~Fd();

    bool is_open() const { return fd_ >= 0; }
    int get() const { return fd_; }
    operator BorrowedFd() const { return BorrowedFd(fd_); } // NOLINT(google-explicit-constructor): borrowing is free
    // A new descriptor of the same open file, close-on-exec.
    Result<Fd> duplicate() const;
    // Gives the descriptor up to the caller.
    int release();
    void close();

  private:
    int fd_ = -1;
};

} // namespace ballast
