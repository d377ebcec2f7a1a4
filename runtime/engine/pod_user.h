// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/engine/pod.h"
#include "runtime/engine/user_lookup.h"

namespace ballast::engine {

// Whether the groups count that /etc/group has a user in. Docker has it so: unless a group is given.
enum class Memberships { kUnlessGroupGiven, kAllCount, kNoneCount };

// As Kubernetes says ("supplemental groups policy").
Memberships memberships_of(const Pod &pod);

Result<ProcessUser> look_up_user(const RootDir &root, const std::string &user, const Texts &more_groups,
                                 Memberships memberships);

} // namespace ballast::engine
