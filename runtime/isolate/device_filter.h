// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/device_rules.h"

// Puts a device program in force for a cgroup (bpf(2), BPF_CGROUP_DEVICE). Programs of others that are attached there
// (systemd's DeviceAllow=) stay: the kernel asks all of them, and each may refuse.
namespace ballast::isolate {

// A cgroup that was just made and has no program of ours.
Status attach_device_filter(BorrowedFd cgroup, const DeviceProgram &program);
// Takes the place of what attach_device_filter() put there. At no moment is neither in force: the kernel exchanges them
// in one step, or the new one is attached before the old one is detached.
Status replace_device_filter(BorrowedFd cgroup, const DeviceProgram &program);

} // namespace ballast::isolate
