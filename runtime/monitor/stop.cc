// SPDX-License-Identifier: Apache-2.0
// Stopping the container without ballastd: the machine shuts down, or somebody stops its scope.
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/monitor/monitor.h"

namespace ballast::monitor {
namespace {

constexpr std::int64_t kSecond = 1000;

void send(const Session &session, int number) {
    // ESRCH: it ended at this moment, which is what was wanted.
    (void)syscall(SYS_pidfd_send_signal, session.pidfd.get(), number, nullptr, 0);
}

} // namespace

// As `docker stop`: the container's own signal, then SIGKILL, for its first process alone. One that is being started is
// stopped once it runs.
void Monitor::settle_stop() {
    if (!stop_asked_ || stop_killed_ || !main().alive() || !main().pidfd.is_open()) {
        return;
    }
    if (stop_at_ < 0) {
        stop_at_ = now_;
        send(main(), settings_.stop_signal);
        if (!settings_.container_cgroup.empty()) { // one that is paused would not take it
            (void)write_file(settings_.container_cgroup + "/cgroup.freeze", "0"); // gone already: it has ended
        }
    }
    if (settings_.stop_seconds < 0 && main().phase == Phase::kRunning) {
        return;
    }
    // What waits for its start knows no signal yet.
    const std::int64_t patience = main().phase == Phase::kCreated ? 0 : settings_.stop_seconds * kSecond;
    if (now_ < stop_at_ + patience) {
        at_latest(stop_at_ + patience);
        return;
    }
    stop_killed_ = true;
    send(main(), SIGKILL);
}

} // namespace ballast::monitor
