// SPDX-License-Identifier: Apache-2.0
#include "base/http/hangup_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <vector>

namespace ballast::http {

Result<std::unique_ptr<HangupWatch>> HangupWatch::start(BorrowedFd stop_event) {
    Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.is_open()) {
        return fail_errno("eventfd");
    }
    std::unique_ptr<HangupWatch> watch(new HangupWatch(stop_event, std::move(wake)));
    watch->thread_ = std::jthread([running = watch.get()](const std::stop_token &ended) { running->run(ended); });
    return watch;
}

HangupWatch::~HangupWatch() {
    thread_.request_stop();
    wake();
}

void HangupWatch::wake() const {
    (void)eventfd_write(wake_.get(), 1); // fails only when it is readable already
}

void HangupWatch::run(const std::stop_token &ended) {
    while (!ended.stop_requested()) {
        look_at_sockets(ended);
    }
}

void HangupWatch::look_at_sockets(const std::stop_token &ended) {
    std::vector<pollfd> polled;
    std::vector<std::stop_source> sources; // shared: an entry may go while we poll
    bool stopping = false;
    {
        const std::lock_guard lock(mutex_);
        for (const Entry &entry : entries_) {
            if (!entry.source.stop_requested()) {
                polled.push_back({entry.socket, POLLRDHUP, 0});
                sources.push_back(entry.source);
            }
        }
        polled.push_back({wake_.get(), POLLIN, 0});
        polled.push_back({stop_event_.get(), POLLIN, 0});
        if (poll(&polled.back(), 1, 0) > 0) {
            stopping = true;
            polled.pop_back(); // readable for ever; new entries are asked to stop as they come
        }
    }
    if (stopping) {
        for (std::stop_source &source : sources) {
            source.request_stop();
        }
        polled.erase(polled.begin(), polled.end() - 1);
        sources.clear();
    }
    if (ended.stop_requested() || poll(polled.data(), polled.size(), -1) < 0) {
        return;
    }
    eventfd_t count = 0;
    (void)eventfd_read(wake_.get(), &count); // nothing there: a socket woke us
    for (std::size_t place = 0; place < sources.size(); place++) {
        // A socket closed meanwhile has no entry any more, and nobody reads this source.
        if (polled[place].revents != 0) {
            sources[place].request_stop();
        }
    }
}

HangupWatch::Watched HangupWatch::watch(BorrowedFd socket) {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.insert(entries_.end(), Entry{socket.get(), {}});
    wake();
    return {*this, entry};
}

HangupWatch::Watched::~Watched() {
    const std::lock_guard lock(watch_.mutex_);
    watch_.entries_.erase(entry_);
    watch_.wake(); // it must not go on with a number that may soon be another file's
}

} // namespace ballast::http
