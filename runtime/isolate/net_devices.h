// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace ballast::isolate {

// linux.netDevices of the OCI runtime specification 1.3.0, by rtnetlink(7): moves devices of our network namespace
// (keys) into that of `pid`, under their new names (values; %d stands for a number that the kernel finds), adds their
// permanent addresses of global scope again, which the kernel drops on the way, and sets them up, as the specification
// wants it even for those that were down. `pid` may be in a namespace that others made. No system call for an empty
// map.
//
// All or nothing: after a failure, what has moved is back under its name, with its addresses, and up if it was; the
// error says so if that fails. ENODEV, EEXIST, EPERM and what else the kernel answers, with the device's name and the
// kernel's words; EINVAL when `pid` is in our own namespace.
//
// After success nobody moves them back: when the namespace dies, the kernel returns physical devices to the initial
// network namespace, and destroys virtual ones (veth, dummy, macvlan).
Status move_net_devices(const std::map<std::string, std::string> &devices, pid_t pid);

} // namespace ballast::isolate
