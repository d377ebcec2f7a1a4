// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/namespaces.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace ballast::isolate {
namespace {

struct Kind {
    oci::NamespaceType type;
    int flag;
    const char *name;
};

// In the order of joining: the user namespace owns the rest, and the mount namespace comes last because paths mean
// something else from then on.
constexpr std::array<Kind, 8> kKinds{{
    {oci::NamespaceType::kUser, CLONE_NEWUSER, "user"},
    {oci::NamespaceType::kPid, CLONE_NEWPID, "pid"},
    {oci::NamespaceType::kNetwork, CLONE_NEWNET, "net"},
    {oci::NamespaceType::kIpc, CLONE_NEWIPC, "ipc"},
    {oci::NamespaceType::kUts, CLONE_NEWUTS, "uts"},
    {oci::NamespaceType::kCgroup, CLONE_NEWCGROUP, "cgroup"},
    {oci::NamespaceType::kTime, CLONE_NEWTIME, "time"},
    {oci::NamespaceType::kMount, CLONE_NEWNS, "mnt"},
}};

std::string offset_line(const char *clock, const oci::TimeOffset &offset) {
    return std::string(clock) + " " + std::to_string(offset.seconds) + " " + std::to_string(offset.nanoseconds) + "\n";
}

} // namespace

bool NamespacePlan::joins_any(int flag) const {
    return std::ranges::any_of(joins, [flag](const NamespaceJoin &join) { return (join.flag & flag) != 0; });
}

bool NamespacePlan::needs_intermediate() const {
    return !time_offsets.empty() || joins_any(CLONE_NEWUSER) || joins_any(CLONE_NEWPID) || joins_any(CLONE_NEWTIME);
}

std::string namespace_name(int flag) {
    const auto *kind = std::ranges::find(kKinds, flag, &Kind::flag);
    return kind == kKinds.end() ? "?" : kind->name;
}

NamespacePlan plan_namespaces(const oci::Spec &spec) {
    NamespacePlan plan;
    for (const Kind &kind : kKinds) {
        const auto wanted = std::ranges::find(spec.linux_.namespaces, kind.type, &oci::Namespace::type);
        if (wanted == spec.linux_.namespaces.end()) {
            continue;
        }
        if (!wanted->path.empty()) {
            plan.joins.push_back({.flag = kind.flag, .name = kind.name, .path = wanted->path, .fd = {}});
        } else if (kind.flag == CLONE_NEWCGROUP) {
            plan.new_cgroup = true;
        } else {
            plan.new_flags |= static_cast<std::uint64_t>(kind.flag);
        }
    }
    if (spec.linux_.monotonic_offset) {
        plan.time_offsets += offset_line("monotonic", *spec.linux_.monotonic_offset);
    }
    if (spec.linux_.boottime_offset) {
        plan.time_offsets += offset_line("boottime", *spec.linux_.boottime_offset);
    }
    plan.hostname = spec.hostname;
    plan.domainname = spec.domainname;
    return plan;
}

Status open_namespaces(NamespacePlan &plan) {
    for (NamespaceJoin &join : plan.joins) {
        const std::string what = "linux.namespaces: " + quote(join.path);
        // O_NONBLOCK: a FIFO in its place must not make us wait.
        join.fd = TRY(open_file(join.path, O_RDONLY | O_NONBLOCK).within("linux.namespaces"));
        struct statfs system{};
        if (fstatfs(join.fd.get(), &system) != 0 || system.f_type != NSFS_MAGIC) {
            return fail(EINVAL, what + " is not a namespace");
        }
        const int type = ioctl(join.fd.get(), NS_GET_NSTYPE);
        if (type != join.flag) {
            return fail(EINVAL, what + " is a namespace of the kind " + namespace_name(type) + ", not " + join.name);
        }
    }
    return {};
}

Outcome join_namespaces(const NamespacePlan &plan, int flags) {
    for (std::size_t index = 0; index < plan.joins.size(); ++index) {
        const NamespaceJoin &join = plan.joins[index];
        if ((join.flag & flags) == 0) {
            continue;
        }
        // The user namespace that we are in already cannot be joined again: EINVAL, and nothing is missing.
        if (setns(join.fd.get(), join.flag) != 0 && !(join.flag == CLONE_NEWUSER && errno == EINVAL)) {
            return failed_at(Step::kJoinNamespace, static_cast<int>(index));
        }
        if (join.root.is_open() && (fchdir(join.root.get()) != 0 || chroot(".") != 0)) {
            return failed_at(Step::kJoinNamespace, static_cast<int>(index));
        }
    }
    return done();
}

Outcome shift_clocks(const NamespacePlan &plan, BorrowedFd proc) {
    if (plan.time_offsets.empty()) {
        return done();
    }
    if (unshare(CLONE_NEWTIME) != 0) {
        return failed_at(Step::kUnshareNamespaces);
    }
    const Fd file(openat(proc.get(), "self/timens_offsets", O_WRONLY | O_CLOEXEC));
    if (!file.is_open() || write(file.get(), plan.time_offsets.data(), plan.time_offsets.size()) !=
                               static_cast<ssize_t>(plan.time_offsets.size())) {
        return failed_at(Step::kTimeOffsets);
    }
    return done();
}

Outcome set_names(const NamespacePlan &plan) {
    if (!plan.hostname.empty() && sethostname(plan.hostname.data(), plan.hostname.size()) != 0) {
        return failed_at(Step::kHostname);
    }
    if (!plan.domainname.empty() && setdomainname(plan.domainname.data(), plan.domainname.size()) != 0) {
        return failed_at(Step::kDomainname);
    }
    return done();
}

Outcome new_cgroup_namespace(const NamespacePlan &plan) {
    if (plan.new_cgroup && unshare(CLONE_NEWCGROUP) != 0) {
        return failed_at(Step::kUnshareNamespaces);
    }
    return done();
}

} // namespace ballast::isolate
