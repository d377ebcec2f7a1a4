// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/outcome_text.h"

#include <array>

#include "base/quote.h"
#include "runtime/isolate/devices.h"
#include "runtime/isolate/mounts.h"
#include "runtime/oci/spec_reader.h"

namespace ballast::container {
namespace {

using isolate::Outcome;
using isolate::Step;

constexpr std::array kTexts = {
    "",
#define BALLAST_STEP(name, text) text,
#include "runtime/isolate/steps.inc"
#undef BALLAST_STEP
};

struct Plans {
    const isolate::NamespacePlan *namespaces = nullptr;
    const isolate::ProcessPlan *process = nullptr;
    const isolate::RootfsPlan *rootfs = nullptr;
};

template <typename List>
std::string nth(const List &list, int index, auto name) {
    const auto place = static_cast<std::size_t>(index);
    return index >= 0 && place < list.size() ? name(list[place]) : std::string("#") + std::to_string(index);
}

// What `outcome.index` counts, by the step.
std::string subject(const Outcome &outcome, const Plans &plans) {
    const int index = outcome.index;
    const auto as_is = [](const std::string &text) { return quote(text); };
    switch (outcome.step) {
    case Step::kJoinNamespace:
        return nth(plans.namespaces->joins, index, [](const isolate::NamespaceJoin &join) { return join.name; });
    case Step::kRlimit:
        return plans.process == nullptr
                   ? ""
                   : nth(plans.process->rlimits, index, [](const oci::Rlimit &limit) { return limit.name; });
    case Step::kApparmorLabel:
        return plans.process == nullptr ? "" : quote(plans.process->apparmor_profile);
    case Step::kBoundingSet:
    case Step::kAmbientSet:
    case Step::kCapabilityMissing:
        return oci::capability_name(index);
    default:
        break;
    }
    if (plans.rootfs == nullptr) {
        return "#" + std::to_string(index);
    }
    switch (outcome.step) {
    case Step::kMountSource:
        return nth(plans.rootfs->mounts, index,
                   [](const isolate::MountStep &mount) { return quote(mount.source) + ", for "; }) +
               "mounts[" + std::to_string(index) + "] " +
               nth(plans.rootfs->mounts, index,
                   [](const isolate::MountStep &mount) { return quote(mount.destination); });
    case Step::kMountTarget:
    case Step::kMountCreate:
    case Step::kMountAttributes:
    case Step::kMountAttach:
    case Step::kMountPropagation:
    case Step::kMountInsideProc:
    case Step::kTmpCopyUp:
        return "mounts[" + std::to_string(index) + "] " +
               nth(plans.rootfs->mounts, index,
                   [](const isolate::MountStep &mount) { return quote(mount.destination); });
    case Step::kDevice:
        return nth(plans.rootfs->devices, index, [](const isolate::DeviceStep &device) { return quote(device.path); });
    case Step::kDeviceLink:
        return quote(isolate::device_link(index));
    case Step::kMaskedPath:
        return nth(plans.rootfs->masked_paths, index, as_is);
    case Step::kReadonlyPath:
        return nth(plans.rootfs->readonly_paths, index, as_is);
    case Step::kSysctl:
        return nth(plans.rootfs->sysctls, index, [](const auto &sysctl) { return quote(sysctl.first); });
    default:
        return index < 0 ? "" : "#" + std::to_string(index);
    }
}

std::string program_name(const Plans &plans) {
    return plans.process == nullptr || plans.process->args.list().empty() ? "" : plans.process->args.list().front();
}

// What a step's errno cannot say by itself.
std::string advice(const Outcome &outcome) {
    if ((outcome.code == EPERM && outcome.step == Step::kRlimit) ||
        (outcome.code == EACCES && outcome.step == Step::kOomScore)) {
        return "; the caller lacks CAP_SYS_RESOURCE";
    }
    if (outcome.step == Step::kUserMapping && outcome.code == EINVAL) {
        return "; linux.uidMappings and linux.gidMappings have to map the ids that the container uses";
    }
    if (outcome.step == Step::kApparmorLabel && outcome.code == ENOENT) {
        return "; the kernel has no such profile, it has to be loaded first";
    }
    if (outcome.step == Step::kSeccomp && outcome.code == EACCES) {
        return "; it takes process.noNewPrivileges or CAP_SYS_ADMIN";
    }
    return "";
}

Error describe(const Outcome &outcome, const Plans &plans) {
    const int code = outcome.code != 0 ? outcome.code : ECONNRESET;
    // The words that other runtimes use here: engines look for them.
    if (outcome.step == Step::kFindProgram || outcome.step == Step::kExecute) {
        const std::string name = program_name(plans);
        if (code == ENOENT && !name.contains('/')) {
            return fail_errno("executable file " + quote(name) + " not found in $PATH", code).error();
        }
        return fail_errno("open executable " + quote(name), code).error();
    }
    std::string text =
        kTexts[static_cast<std::size_t>(outcome.step) < kTexts.size() ? static_cast<std::size_t>(outcome.step) : 0];
    if (const std::size_t gap = text.find("{}"); gap != std::string::npos) {
        text.replace(gap, 2, subject(outcome, plans));
    }
    Error error = fail_errno(text, code).error();
    error.message += advice(outcome);
    return error;
}

} // namespace

Error launch_error(const Outcome &outcome, const isolate::NamespacePlan &namespaces) {
    return describe(outcome, {.namespaces = &namespaces});
}

Error outcome_error(const Outcome &outcome, const isolate::NamespacePlan &namespaces,
                    const isolate::ProcessPlan &process, const isolate::RootfsPlan *rootfs) {
    return describe(outcome, {.namespaces = &namespaces, .process = &process, .rootfs = rootfs});
}

} // namespace ballast::container
