// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/background.h"

#include <sys/eventfd.h>

#include "base/signals_blocked.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::seconds kRest{10}; // a thread waits that long for more work

} // namespace

Result<std::unique_ptr<Background>> Background::make(std::size_t most_threads) {
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return fail_errno("eventfd");
    }
    return std::unique_ptr<Background>(new Background(std::move(event), most_threads));
}

Background::~Background() {
    std::unique_lock lock(mutex_);
    ending_ = true;
    waiting_.clear();
    wake_.notify_all();
    gone_.wait(lock, [this] { return threads_ == 0; });
}

void Background::run(Work work) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    if (waiting_.size() > resting_ && threads_ < most_threads_) {
        threads_++;
        const SignalsBlocked blocked;
        std::thread([this] { serve(); }).detach(); // the destructor waits for it
    }
    wake_.notify_one();
}

void Background::serve() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        if (waiting_.empty()) {
            resting_++;
            const bool more = wake_.wait_for(lock, kRest, [this] { return ending_ || !waiting_.empty(); });
            resting_--;
            if (!more) {
                break;
            }
            continue;
        }
        Work work = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        After after = work();
        work = nullptr; // what it holds goes before the lock is taken
        lock.lock();
        done_.push_back(std::move(after));
        (void)eventfd_write(event_.get(), 1); // can only be full, and then it is readable
    }
    threads_--;
    gone_.notify_all();
}

void Background::finish() {
    std::vector<After> done;
    {
        const std::lock_guard lock(mutex_);
        eventfd_t count = 0;
        (void)eventfd_read(event_.get(), &count); // EAGAIN: nothing came since
        done.swap(done_);
    }
    for (const After &after : done) {
        if (after) {
            after();
        }
    }
}

bool Background::idle() const {
    const std::lock_guard lock(mutex_);
    return waiting_.empty() && done_.empty() && resting_ == threads_;
}

} // namespace ballast::agent
