// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::agent {

// Work that may take long, in threads that come when there is work and go when there is none. What comes of it is
// handed back to the one thread that owns all state.
class Background {
  public:
    using After = std::function<void()>; // runs in the owner's thread
    using Work = std::function<After()>; // runs in a thread of its own

    static Result<std::unique_ptr<Background>> make(std::size_t most_threads);
    // Waits for what runs; who wants that to be soon tells the work to stop first.
    ~Background();
    Background(const Background &) = delete;
    Background &operator=(const Background &) = delete;

    void run(Work work);
    // Readable when finish() has something to do.
    BorrowedFd finished() const { return event_; }
    // Runs what follows from work that is done. In the owner's thread.
    void finish();
    bool idle() const; // nothing runs, waits or is to be finished

  private:
    Background(Fd event, std::size_t most_threads) : event_(std::move(event)), most_threads_(most_threads) {}
    void serve();

    Fd event_;
    std::size_t most_threads_;
    mutable std::mutex mutex_;
    std::condition_variable wake_, gone_;
    std::deque<Work> waiting_;
    std::vector<After> done_;
    std::size_t threads_ = 0, resting_ = 0;
    bool ending_ = false;
};

} // namespace ballast::agent
