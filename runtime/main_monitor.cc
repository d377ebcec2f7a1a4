// SPDX-License-Identifier: Apache-2.0
// ballast-monitor: stands beside one container from its start to its end, whatever happens to ballastd. Started by
// ballastd alone: runtime/monitor/spawn.h.
#include <algorithm>
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/monitor/monitor.h"
#include "runtime/monitor/spawn.h"

namespace {

using namespace ballast;

constexpr std::uint64_t kLargestSettings = 4UL << 20;

Result<monitor::Settings> take_settings() {
    const Fd file(monitor::kSettingsFd);
    return monitor::read_settings(TRY(read_all(file, "settings", kLargestSettings)));
}

// What the settings count; anything else that is open is closed.
Result<std::vector<Fd>> take_adopted(const monitor::Settings &settings) {
    int count = 0;
    for (const monitor::AdoptedSession &one : settings.adopted) {
        for (const std::int32_t place : {one.input, one.output, one.errors, one.process, one.log_state}) {
            count = std::max(count, place + 1);
        }
    }
    if (count > monitor::kMostAdopted) {
        return fail(EINVAL, "settings: too many descriptors");
    }
    std::vector<Fd> adopted;
    for (int number = 0; number < count; ++number) {
        Fd &fd = adopted.emplace_back(monitor::kFirstAdoptedFd + number);
        if (fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
            return fail_errno("adopt a descriptor");
        }
    }
    if (close_range(static_cast<unsigned>(monitor::kFirstAdoptedFd + count), ~0U, 0) != 0) {
        return fail_errno("close_range");
    }
    return adopted;
}

// Apart from ballastd: its session and its directory, and the last that the kernel takes when memory is short.
Status stand_alone() {
    (void)setsid(); // fails for a group's leader alone, which is as far apart
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return fail_errno("become the container's reaper");
    }
    if (chdir("/") != 0) {
        return fail_errno("enter /");
    }
    (void)umask(077);
    (void)write_file("/proc/self/oom_score_adj", "-999"); // refused without CAP_SYS_RESOURCE: then it stays as it is
    return {};
}

Status serve() {
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 10); // an idle monitor gives back what a busy one took
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 10);
    Fd control(monitor::kControlFd);
    if (fcntl(control.get(), F_SETFD, FD_CLOEXEC) != 0) {
        return fail_errno("no control socket; ballast-monitor is started by ballastd");
    }
    monitor::Settings settings = TRY(take_settings());
    std::vector<Fd> adopted = TRY(take_adopted(settings));
    TRY(stand_alone());
    const std::string socket = settings.socket;
    monitor::Monitor one(std::move(settings), std::move(control), std::move(adopted));
    TRY(one.prepare());
    one.run();
    (void)unlink(socket.c_str()); // one that stays refuses connections, which says the same
    return {};
}

} // namespace

int main() {
    if (const Status done = serve(); !done) {
        (void)write_all(BorrowedFd(STDERR_FILENO), "<3>ballast-monitor: " + escaped(done.error().message) + "\n");
        return 1;
    }
    return 0;
}
