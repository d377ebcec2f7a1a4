// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace ballast::engine {

// Does things later, each in a thread of its own, so that none waits for another.
class Timer {
  public:
    using Clock = std::chrono::steady_clock;

    Timer();
    // What has not begun is dropped, what has is waited for.
    ~Timer();
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;

    void after(Clock::duration delay, std::function<void()> task);
    void soon(std::function<void()> task) { after({}, std::move(task)); }
    bool stopping() const { return thread_.get_stop_token().stop_requested(); }
    // No further task begins.
    void stop();

  private:
    void loop(const std::stop_token &stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::multimap<Clock::time_point, std::function<void()>> tasks_;
    int running_ = 0;
    std::jthread thread_;
};

} // namespace ballast::engine
