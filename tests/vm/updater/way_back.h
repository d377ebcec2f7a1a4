// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "tests/vm/machine.h"

// What a machine does after a restart into another version, seen from outside.
namespace ballast::vm {

// The id of the deployment that runs: docs/design/boot.md.
Result<std::string> deployment_of(Machine &machine);

// Until the boot loader knows the running deployment as good.
Status wait_until_good(Machine &machine);

// Until the machine runs `deployment` in another boot than `last_boot`. A version that does not work may restart it
// while it is asked. ETIME when it is on its way for more boots than that takes.
Status wait_for_deployment(Machine &machine, const std::string &deployment, const std::string &last_boot);

} // namespace ballast::vm
