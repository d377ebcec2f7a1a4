// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/event_loop.h"

#include <algorithm>
#include <array>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace ballast::dns {
namespace {

constexpr std::size_t kEventsAtOnce = 64;
constexpr EventLoop::Key kWake = 0;

epoll_event interest(EventLoop::Key key, std::uint32_t events) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = key;
    return wanted;
}

} // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_event wanted = interest(kWake, EPOLLIN);
    if (!epoll.is_open() || !wake.is_open() || epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &wanted) != 0) {
        return fail_errno("wait for name look-ups");
    }
    std::unique_ptr<EventLoop> loop(new EventLoop(std::move(epoll), std::move(wake)));
    loop->thread_ = std::jthread([&made = *loop](const std::stop_token &stop) { made.run(stop); });
    return loop;
}

EventLoop::~EventLoop() {
    thread_.request_stop();
    (void)eventfd_write(wake_.get(), 1); // it is full only when it is readable
    thread_.join();
}

Result<EventLoop::Key> EventLoop::add(BorrowedFd fd, std::uint32_t events, Handler handler) {
    const Key key = ++last_;
    epoll_event wanted = interest(key, events);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &wanted) != 0) {
        return fail_errno("wait for a socket of the resolver");
    }
    watched_[key] = {.fd = fd.get(), .handler = std::make_shared<Handler>(std::move(handler))};
    return key;
}

void EventLoop::change(Key key, std::uint32_t events) {
    if (const auto found = watched_.find(key); found != watched_.end()) {
        epoll_event wanted = interest(key, events);
        (void)epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.fd, &wanted); // it is there: add() put it there
    }
}

void EventLoop::remove(Key key) {
    if (const auto found = watched_.extract(key); !found.empty()) {
        (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found.mapped().fd, nullptr); // as above
    }
}

EventLoop::Key EventLoop::after(Clock::duration delay, std::function<void()> task) {
    const Key key = ++last_;
    const Clock::time_point due = Clock::now() + delay;
    tasks_.emplace(std::pair(due, key), std::move(task));
    due_[key] = due;
    return key;
}

void EventLoop::cancel(Key task) {
    if (const auto found = due_.extract(task); !found.empty()) {
        tasks_.erase({found.mapped(), task});
    }
}

int EventLoop::milliseconds_to_wait() const {
    if (tasks_.empty()) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(tasks_.begin()->first.first - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void EventLoop::run_due() {
    while (!tasks_.empty() && tasks_.begin()->first.first <= Clock::now()) {
        auto task = tasks_.extract(tasks_.begin());
        due_.erase(task.key().second);
        task.mapped()();
    }
}

void EventLoop::run(const std::stop_token &stop) {
    std::array<epoll_event, kEventsAtOnce> events{};
    int wait = -1;
    while (!stop.stop_requested()) {
        const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait);
        const std::scoped_lock lock(mutex_);
        for (int i = 0; i < count; i++) {
            const epoll_event &event = events[static_cast<std::size_t>(i)];
            const auto found = watched_.find(event.data.u64);
            if (found != watched_.end()) {
                const std::shared_ptr<Handler> handler = found->second.handler; // it may remove itself
                (*handler)(event.events);
            }
        }
        run_due();
        wait = milliseconds_to_wait();
    }
}

} // namespace ballast::dns
