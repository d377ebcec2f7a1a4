// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/timer.h"

namespace ballast::engine {

Timer::Timer() : thread_([this](const std::stop_token &stop) { loop(stop); }) {}

Timer::~Timer() {
    stop();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
}

void Timer::stop() {
    thread_.request_stop();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Timer::after(Clock::duration delay, std::function<void()> task) {
    const std::scoped_lock lock(mutex_);
    tasks_.emplace(Clock::now() + delay, std::move(task));
    changed_.notify_all();
}

void Timer::loop(const std::stop_token &stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (tasks_.empty()) {
            (void)changed_.wait(lock, stop, [this] { return !tasks_.empty(); }); // asked again
            continue;
        }
        const Clock::time_point due = tasks_.begin()->first;
        if (due > Clock::now()) {
            (void)changed_.wait_until(lock, stop, due, [this, due] { return tasks_.begin()->first < due; });
            continue;
        }
        std::function<void()> task = std::move(tasks_.begin()->second);
        tasks_.erase(tasks_.begin());
        running_++;
        std::thread([this, run = std::move(task)] {
            run();
            const std::scoped_lock done(mutex_);
            running_--;
            changed_.notify_all();
        }).detach(); // the destructor waits for it
    }
}

} // namespace ballast::engine
