// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"

// Labels that a security module puts on the program at the next execve(2): apparmor(7), SELinux.
namespace ballast::isolate {

// The profile to set; "" for "unconfined" where AppArmor is not on. ENOTSUP when the kernel runs without the module
// that a label is for.
Result<std::string> plan_apparmor_profile(const std::string &profile);
bool selinux_is_on();
Status check_selinux_label(const std::string &label);

// Empty: the program keeps what the runtime has.
Outcome set_apparmor_profile(const std::string &profile, BorrowedFd proc);
Outcome set_selinux_label(const std::string &label, BorrowedFd proc);

} // namespace ballast::isolate
