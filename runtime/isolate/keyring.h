// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/fd.h"
#include "runtime/isolate/outcome.h"

// The session keyring: session-keyring(7). A container must not have that of whoever started it.
namespace ballast::isolate {

// Joins the one called `name`, made when it is not there (empty: a new one without a name), so that all processes of a
// container share it. With an SELinux label it is made with that. A kernel without keyrings has none to inherit.
Outcome join_session_keyring(const std::string &name, const std::string &selinux_label, BorrowedFd proc);

} // namespace ballast::isolate
