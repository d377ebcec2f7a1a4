// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/runtime_changes.h"

#include <sys/eventfd.h>
#include <utility>

#include "base/log.h"
#include "base/signals_blocked.h"
#include "base/timed_wait.h"

namespace ballast::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kPause = 1s;       // before it is asked anew
constexpr std::chrono::seconds kLongPause = 5min; // when it cannot tell: another one may be there by then

} // namespace

Result<std::unique_ptr<RuntimeChanges>> RuntimeChanges::follow(Runtime &runtime, std::chrono::nanoseconds settled) {
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return fail_errno("eventfd");
    }
    return std::unique_ptr<RuntimeChanges>(new RuntimeChanges(runtime, std::move(event), settled));
}

RuntimeChanges::RuntimeChanges(Runtime &runtime, Fd event, std::chrono::nanoseconds settled)
    : runtime_(runtime), event_(std::move(event)), settled_(settled) {
    const SignalsBlocked blocked;
    thread_ = std::jthread([this](const std::stop_token &stop) { run(stop); });
}

void RuntimeChanges::run(const std::stop_token &stop) {
    std::chrono::seconds pause{0};
    do {
        {
            const std::lock_guard lock(mutex_);
            asked_ = std::chrono::steady_clock::now();
        }
        const Status ended = runtime_.follow([this](const std::string &uid) { add(uid); }, stop);
        {
            const std::lock_guard lock(mutex_);
            asked_.reset();
        }
        add(""); // until it is asked again, nobody tells
        const bool unable = !ended.has_value() && ended.error().code == ENOTSUP;
        if (unable && pause != kLongPause) {
            log::info("the container runtime does not tell what happens to pods: it is asked every second");
        }
        pause = unable ? kLongPause : kPause;
    } while (wait_for(pause, stop));
}

void RuntimeChanges::add(const std::string &uid) {
    const std::lock_guard lock(mutex_);
    changed_.insert(uid);
    (void)eventfd_write(event_.get(), 1); // can only be full, and then it is readable
}

std::set<std::string> RuntimeChanges::take() {
    const std::lock_guard lock(mutex_);
    eventfd_t count = 0;
    (void)eventfd_read(event_.get(), &count); // EAGAIN: nothing came since
    return std::exchange(changed_, {});
}

bool RuntimeChanges::told() const {
    const std::lock_guard lock(mutex_);
    return asked_ && std::chrono::steady_clock::now() - *asked_ >= settled_;
}

} // namespace ballast::agent
