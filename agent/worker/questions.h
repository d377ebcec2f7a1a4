// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::agent {

// What other threads want to know from the one that owns all state.
class Questions {
  public:
    static Result<std::unique_ptr<Questions>> make();
    Questions(const Questions &) = delete;
    Questions &operator=(const Questions &) = delete;

    // Runs `question` in the owner's thread and waits for it. From any other thread. ETIMEDOUT when the owner does not
    // come to it in `patience`, ECANCELED when it never will; then `question` is not run any more.
    Status ask(std::function<void()> question, std::chrono::milliseconds patience);

    // Readable when answer() has something to do.
    BorrowedFd asked() const { return event_; }
    // Runs what was asked. In the owner's thread.
    void answer();
    // Nothing is answered from now on.
    void close();

  private:
    struct Question;
    explicit Questions(Fd event) : event_(std::move(event)) {}

    Fd event_;
    std::mutex mutex_;
    std::deque<std::shared_ptr<Question>> waiting_;
    bool closed_ = false;
};

} // namespace ballast::agent
