// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "tests/integration/updater/ostree_fixture.h"

namespace ballast::updater_test {

// Runs `act` on the world's first deployment as the running system: in a child with mounts of its own, whose "/" is
// that deployment and whose /run says that OSTree booted it, which is what libostree goes by. Returns 0, or 1 when it
// failed.
int on_running(const World &world, const std::function<Status()> &act);

} // namespace ballast::updater_test
