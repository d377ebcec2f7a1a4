// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/quote.h"
#include "runtime/container/lifecycle.h"

namespace ballast::container {
namespace {

// strtol(3) with nothing left over; -1 for what is no number.
int whole_number(std::string_view text) {
    int number = 0;
    if (text.empty() || text.size() > 3) {
        return -1;
    }
    for (const char digit : text) {
        if (digit < '0' || digit > '9') {
            return -1;
        }
        number = number * 10 + (digit - '0');
    }
    return number;
}

} // namespace

Result<int> signal_number(const std::string &name) {
    const std::unexpected<Error> unknown = fail(EINVAL, "unknown signal " + quote(name));
    std::string upper;
    for (const char letter : name) {
        upper += letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    }
    if (const int number = whole_number(upper); number >= 0) {
        return number < NSIG ? Result<int>(number) : Result<int>(unknown);
    }
    std::string_view word = upper;
    if (word.starts_with("SIG")) {
        word.remove_prefix(3);
    }
    for (const auto &[prefix, base, sign] : {std::tuple("RTMIN", SIGRTMIN, 1), {"RTMAX", SIGRTMAX, -1}}) {
        if (!word.starts_with(prefix)) {
            continue;
        }
        const std::string_view rest = word.substr(strlen(prefix));
        if (rest.empty()) {
            return base;
        }
        const int offset = rest.front() == (sign > 0 ? '+' : '-') ? whole_number(rest.substr(1)) : -1;
        const int number = base + sign * offset;
        return offset >= 0 && number >= SIGRTMIN && number <= SIGRTMAX ? Result<int>(number) : Result<int>(unknown);
    }
    for (int number = 1; number < SIGRTMIN; ++number) {
        const char *known = sigabbrev_np(number);
        if (known != nullptr && word == known) {
            return number;
        }
    }
    return unknown;
}

Status kill_container(const Settings &settings, const std::string &id, int signal, bool all) {
    // Not locked: a hook that hangs under `start` has to be killable.
    const ContainerDir directory = TRY(ContainerDir::open(settings.root, id, false));
    const State state = TRY(directory.load());
    Fd first_process;
    const Phase phase = TRY(phase_of(state, directory, &first_process));
    const bool everything = all || (signal == SIGKILL && !state.own_pid_namespace);
    if (phase == Phase::kStopped && !everything) {
        return fail(ESRCH, "container " + quote(id) + " is not running");
    }
    if (everything && state.cgroup.manager != isolate::CgroupManager::kDisabled) {
        const isolate::Cgroup cgroup = TRY(isolate::Cgroup::open(state.cgroup, settings.rootless));
        return cgroup.signal_all(signal);
    }
    if (!first_process.is_open()) {
        return all ? Status{} : fail(ESRCH, "container " + quote(id) + " is not running");
    }
    if (syscall(SYS_pidfd_send_signal, first_process.get(), signal, nullptr, 0) != 0) {
        return errno == ESRCH ? fail(ESRCH, "container " + quote(id) + " is not running")
                              : fail_errno("signal container " + quote(id));
    }
    return {};
}

} // namespace ballast::container
