// SPDX-License-Identifier: Apache-2.0
#include "base/timed_wait.h"

#include <condition_variable>
#include <mutex>
#include <random>

namespace ballast {
namespace {

template <typename Clock, typename Length>
bool wait(std::chrono::time_point<Clock, Length> end, const std::stop_token &stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    (void)wake.wait_until(lock, stop, end, [] { return false; });
    return !stop.stop_requested();
}

} // namespace

bool wait_for(std::chrono::milliseconds time, const std::stop_token &stop) {
    return wait(std::chrono::steady_clock::now() + time, stop);
}

bool wait_until(std::int64_t time, const std::stop_token &stop) {
    return wait(
        std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>(std::chrono::nanoseconds(time)),
        stop);
}

std::chrono::milliseconds jittered(std::chrono::milliseconds wait) {
    static thread_local std::minstd_rand random{std::random_device{}()};
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::chrono::milliseconds::rep>(wait.count() / 2, wait.count())(random));
}

} // namespace ballast
