// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/workers.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>
#include <vector>

namespace ballast::registry {

Status in_parallel(std::size_t count, unsigned threads, std::stop_source stop,
                   const std::function<Status(std::size_t)> &work) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    Status first;
    const auto run = [&] {
        while (!stop.stop_requested()) {
            const std::size_t number = next++;
            if (number >= count) {
                return;
            }
            Status status = work(number);
            if (!status.has_value()) {
                const std::lock_guard lock(mutex);
                first = first.has_value() ? std::move(status) : std::move(first);
                stop.request_stop();
            }
        }
    };
    {
        // Threads inherit the mask: signals belong to the program's own ones.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        std::vector<std::jthread> running;
        for (std::size_t number = 0; number < std::min<std::size_t>(threads, count); ++number) {
            running.emplace_back(run);
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    if (first.has_value() && stop.stop_requested()) {
        return fail(ECANCELED, "canceled");
    }
    return first;
}

} // namespace ballast::registry
