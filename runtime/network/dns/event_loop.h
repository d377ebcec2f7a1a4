// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::dns {

// One thread that waits for many descriptors, epoll(7), and sleeps while nothing comes. Handlers and tasks run in it,
// one after the other and under mutex(); whoever calls anything here from elsewhere holds that. What was removed or
// cancelled is not called any more, and may remove itself while it runs.
class EventLoop {
  public:
    using Key = std::uint64_t; // never used twice; 0 is nobody's
    using Handler = std::function<void(std::uint32_t events)>;
    using Clock = std::chrono::steady_clock;

    static Result<std::unique_ptr<EventLoop>> create();
    ~EventLoop();
    EventLoop(const EventLoop &) = delete;
    EventLoop &operator=(const EventLoop &) = delete;

    std::mutex &mutex() { return mutex_; }
    // `fd` stays open until it is removed.
    Result<Key> add(BorrowedFd fd, std::uint32_t events, Handler handler);
    void change(Key key, std::uint32_t events);
    void remove(Key key);

    // From handlers and tasks only.
    Key after(Clock::duration delay, std::function<void()> task);
    void cancel(Key task);

  private:
    EventLoop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
    void run(const std::stop_token &stop);
    void run_due();
    int milliseconds_to_wait() const;

    struct Watched {
        int fd;
        std::shared_ptr<Handler> handler;
    };
    std::mutex mutex_;
    Fd epoll_, wake_;
    Key last_ = 0;
    std::unordered_map<Key, Watched> watched_;
    std::map<std::pair<Clock::time_point, Key>, std::function<void()>> tasks_;
    std::unordered_map<Key, Clock::time_point> due_;
    std::jthread thread_; // last: it ends first
};

} // namespace ballast::dns
