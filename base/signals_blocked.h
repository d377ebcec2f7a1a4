// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace ballast {

// While it lives, no signal reaches the calling thread, nor ever the threads that it starts meanwhile: they inherit the
// mask, and signals belong to the program's own threads.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;
    ~SignalsBlocked() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

} // namespace ballast
