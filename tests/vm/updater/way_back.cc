// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/updater/way_back.h"

namespace ballast::vm {
namespace {

constexpr int kMostBoots = 8; // seen of a version on trial and of what follows it

} // namespace

Result<std::string> deployment_of(Machine &machine) {
    std::string id =
        TRY(machine.run_checked("tr ' ' '\\n' </proc/cmdline | sed -n 's/^ballast.deployment=//p' | tr -d '\\n'"));
    return id.starts_with("ostree-") ? Result<std::string>(std::move(id))
                                     : fail(ENOENT, "the machine was not started by its menu");
}

Status wait_until_good(Machine &machine) {
    (void)TRY(machine.run_checked("until systemctl is-active --quiet ballast-boot-good.service; do sleep 1; done"));
    return {};
}

Status wait_for_deployment(Machine &machine, const std::string &deployment, const std::string &last_boot) {
    for (int boots = 0; boots < kMostBoots; boots++) {
        TRY(machine.wait_for_next_boot());
        const Result<Completed> asked = machine.run("cat /proc/sys/kernel/random/boot_id /proc/cmdline");
        const std::string answer = asked.has_value() ? asked->output : "";
        if (machine.boot_id() != last_boot && answer.starts_with(machine.boot_id()) &&
            answer.contains("ballast.deployment=" + deployment)) {
            return {};
        }
    }
    return fail(ETIME, "the machine does not come back to " + deployment);
}

} // namespace ballast::vm
