// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp.h"

#include <algorithm>
#include <array>
#include <linux/seccomp.h>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/quote.h"
#include "runtime/isolate/seccomp_cache.h"
#include "runtime/isolate/seccomp_compile.h"

namespace ballast::isolate {
namespace {

struct FlagName {
    std::string_view name;
    unsigned flag;
};

constexpr std::array kFlags = {
    FlagName{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    FlagName{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    FlagName{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    FlagName{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

// In every kernel that can start our containers at all: the mount calls that we use came later than these.
constexpr unsigned kEveryKernelHas =
    SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW;

constexpr std::string_view kNotify = "SCMP_ACT_NOTIFY";

bool kernel_has(unsigned flag) {
    // seccomp(2): with no program the flags are looked at first, and EFAULT says that they are good.
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag | SECCOMP_FILTER_FLAG_NEW_LISTENER, nullptr) < 0 &&
           errno == EFAULT;
}

Result<unsigned> flags_of(const std::vector<std::string> &names) {
    if (names.empty()) {
        return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    }
    unsigned flags = 0;
    for (std::size_t i = 0; i < names.size(); i++) {
        const auto *found = std::ranges::find(kFlags, names[i], &FlagName::name);
        const std::string where = "linux.seccomp.flags[" + std::to_string(i) + "]: ";
        if (found == kFlags.end()) {
            return fail(EINVAL, where + "no such flag: " + quote(names[i]));
        }
        if ((found->flag & ~kEveryKernelHas) != 0 && !kernel_has(found->flag)) {
            return fail(ENOTSUP, where + "this kernel has no " + names[i]);
        }
        flags |= found->flag;
    }
    return flags;
}

// Until the agent has the listener nobody answers for a system call, so what hands it over must not be one of them.
constexpr std::string_view kHandsOver = "sendmsg";

Status check_notify(const oci::Seccomp &profile) {
    if (profile.default_action == kNotify) {
        return fail(EINVAL, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY would ask for every call, that which hands "
                            "the listener over among them");
    }
    if (!profile.listener_metadata.empty() && profile.listener_path.empty()) {
        return fail(EINVAL, "linux.seccomp.listenerMetadata: there is no listenerPath");
    }
    for (std::size_t i = 0; i < profile.syscalls.size(); i++) {
        const oci::SeccompRule &rule = profile.syscalls[i];
        if (rule.action != kNotify) {
            continue;
        }
        if (profile.listener_path.empty()) {
            return fail(EINVAL, "linux.seccomp.listenerPath: missing, and syscalls[" + std::to_string(i) +
                                    "] has SCMP_ACT_NOTIFY");
        }
        if (std::ranges::contains(rule.names, kHandsOver)) {
            return fail(EINVAL, "linux.seccomp.syscalls[" + std::to_string(i) +
                                    "]: SCMP_ACT_NOTIFY cannot be had for " + std::string(kHandsOver) +
                                    ", with which the listener is handed over");
        }
    }
    return {};
}

Result<std::vector<sock_filter>> filter_for(const oci::Seccomp &profile, const std::filesystem::path &directory) {
    const SeccompCache cache = SeccompCache::open(directory);
    const std::string key = seccomp_key(profile);
    if (std::optional<std::vector<sock_filter>> kept = cache.find(key)) {
        return std::move(*kept);
    }
    std::vector<sock_filter> filter = TRY(compile_seccomp(profile));
    cache.store(key, filter);
    return filter;
}

} // namespace

std::vector<std::string> supported_seccomp_flags() {
    std::vector<std::string> names;
    for (const auto &flag : kFlags) {
        if ((flag.flag & ~kEveryKernelHas) == 0 || kernel_has(flag.flag)) {
            names.emplace_back(flag.name);
        }
    }
    return names;
}

Result<SeccompProgram> seccomp_program(const oci::Seccomp &profile, const std::filesystem::path &cache) {
    TRY(check_notify(profile));
    SeccompProgram program;
    program.flags = TRY(flags_of(profile.flags));
    program.filter = TRY(filter_for(profile, cache));
    program.notifies = !profile.listener_path.empty(); // without SCMP_ACT_NOTIFY, too: the agent waits, as with crun
    if (!program.notifies) {
        program.flags &= ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    } else if ((program.flags & SECCOMP_FILTER_FLAG_TSYNC) != 0) {
        // Both would want the return value for themselves.
        program.flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    }
    return program;
}

Outcome load_seccomp(const SeccompProgram &program, int &listener) {
    listener = -1;
    if (program.filter.empty()) {
        return done();
    }
    const sock_fprog filter{.len = static_cast<unsigned short>(program.filter.size()),
                            .filter = const_cast<sock_filter *>(program.filter.data())};
    const unsigned flags = program.flags | (program.notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0U);
    const long status = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (status < 0) {
        return failed_at(Step::kSeccomp);
    }
    if (program.notifies) {
        listener = static_cast<int>(status);
        return done();
    }
    // With TSYNC: the id of a thread that would not follow.
    return status == 0 ? done() : failed_at(Step::kSeccomp, -1, ESRCH);
}

} // namespace ballast::isolate
