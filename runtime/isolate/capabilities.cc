// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/capabilities.h"

#include <array>
#include <bit>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/oci/spec_reader.h"

namespace ballast::isolate {
namespace {

struct Sets {
    std::uint64_t effective = 0;
    std::uint64_t permitted = 0;
    std::uint64_t inheritable = 0;
    bool operator==(const Sets &) const = default;
};

using Data = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

int set_sets(const Sets &sets) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    Data data{};
    for (unsigned i = 0; i < data.size(); i++) {
        data.at(i).effective = static_cast<std::uint32_t>(sets.effective >> (32 * i));
        data.at(i).permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * i));
        data.at(i).inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * i));
    }
    return static_cast<int>(syscall(SYS_capset, &header, data.data()));
}

int get_sets(Sets &sets) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    Data data{};
    if (syscall(SYS_capget, &header, data.data()) != 0) {
        return -1;
    }
    sets = {};
    for (unsigned i = 0; i < data.size(); i++) {
        sets.effective |= static_cast<std::uint64_t>(data.at(i).effective) << (32 * i);
        sets.permitted |= static_cast<std::uint64_t>(data.at(i).permitted) << (32 * i);
        sets.inheritable |= static_cast<std::uint64_t>(data.at(i).inheritable) << (32 * i);
    }
    return 0;
}

// Which one it was, where that can be told.
Outcome refused(const Sets &wanted) {
    const int code = errno;
    Sets had;
    if (code == EPERM && get_sets(had) == 0 && (wanted.permitted & ~had.permitted) != 0) {
        return failed_at(Step::kCapabilityMissing, std::countr_zero(wanted.permitted & ~had.permitted), code);
    }
    return failed_at(Step::kCapabilities, -1, code);
}

} // namespace

std::uint64_t known_capabilities() {
    int last = CAP_LAST_CAP; // of the headers that we were built with; the kernel may be older or newer
    while (last > 0 && prctl(PR_CAPBSET_READ, last, 0, 0, 0) < 0) {
        last--;
    }
    while (last < 63 && prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0) {
        last++;
    }
    return ~0ULL >> (63 - last);
}

Result<oci::Capabilities> plan_capabilities(const oci::Capabilities &wanted, std::uint64_t known) {
    oci::Capabilities planned = wanted;
    for (std::uint64_t *set : {&planned.bounding, &planned.effective, &planned.inheritable, &planned.permitted}) {
        *set &= known;
    }
    planned.ambient &= planned.permitted & planned.inheritable;
    if (const std::uint64_t extra = planned.effective & ~planned.permitted; extra != 0) {
        return fail(EINVAL, "process.capabilities.effective: " + oci::capability_name(std::countr_zero(extra)) +
                                " is not in process.capabilities.permitted");
    }
    return planned;
}

Outcome drop_bounding_set(std::uint64_t kept, std::uint64_t known) {
    for (std::uint64_t drop = known & ~kept; drop != 0; drop &= drop - 1) {
        const int number = std::countr_zero(drop);
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
            // Without CAP_SETPCAP nothing can be dropped, which is as well when it is gone already.
            const int code = errno;
            if (code != EPERM || prctl(PR_CAPBSET_READ, number, 0, 0, 0) != 0) {
                return failed_at(Step::kBoundingSet, number, code);
            }
        }
    }
    return done();
}

Outcome keep_over_change_of_user() {
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 ? done() : failed_at(Step::kCapabilities);
}

Outcome set_capabilities(const oci::Capabilities &capabilities) {
    const Sets wanted{.effective = capabilities.effective,
                      .permitted = capabilities.permitted,
                      .inheritable = capabilities.inheritable};
    if (set_sets(wanted) != 0) {
        return refused(wanted);
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
        return failed_at(Step::kCapabilities);
    }
    for (std::uint64_t raise = capabilities.ambient; raise != 0; raise &= raise - 1) {
        const int number = std::countr_zero(raise);
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) {
            return failed_at(Step::kAmbientSet, number);
        }
    }
    // execve(2) clears it too, but hooks may still run in between.
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) {
        return failed_at(Step::kCapabilities);
    }
    Sets have;
    if (get_sets(have) != 0) {
        return failed_at(Step::kCapabilities);
    }
    return have == wanted ? done() : failed_at(Step::kCapabilities, -1, EPERM);
}

} // namespace ballast::isolate
