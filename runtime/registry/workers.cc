// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/workers.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/signals_blocked.h"

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
        std::vector<std::jthread> running;
        const SignalsBlocked blocked; // until they run; not while they are waited for
        for (std::size_t number = 0; number < std::min<std::size_t>(threads, count); ++number) {
            running.emplace_back(run);
        }
    }
    if (first.has_value() && stop.stop_requested()) {
        return fail(ECANCELED, "canceled");
    }
    return first;
}

} // namespace ballast::registry
