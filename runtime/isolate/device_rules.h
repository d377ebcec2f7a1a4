// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/bpf.h>
#include <vector>

#include "base/result.h"
#include "runtime/oci/spec.h"

// Which devices a container may use, as a program for the kernel (BPF_PROG_TYPE_CGROUP_DEVICE).
//
// For every kind of access (read, write, mknod) that a request asks for, the last rule decides that names the device
// and that kind; what no rule names is refused. A request is granted when all of its kinds are: so "allow c 1:3 r" and
// "allow c 1:3 w" together grant reading and writing, and "deny c 1:3 w" refuses an open for both.
namespace ballast::isolate {

// Behind the given rules come those that every container has, as with other runtimes: mknod of anything, and the use of
// null, zero, full, random, urandom, tty, console, ptmx, pts and net/tun.
struct DeviceProgram {
    bool everything_allowed = false; // then there is nothing to load
    bool only_defaults = false;      // what every container has and nothing else: most containers' program
    std::vector<bpf_insn> instructions;
};
// EINVAL for a type, access or number that cannot be: "linux.resources.devices[3].access: ...".
Result<DeviceProgram> compile_device_rules(const std::vector<oci::DeviceRule> &rules);

// The rules that are added to everybody's.
const std::vector<oci::DeviceRule> &default_device_rules();

} // namespace ballast::isolate
