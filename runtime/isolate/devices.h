// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// Device nodes: the six of every container and those of linux.devices, and the links of /dev.
namespace ballast::isolate {

struct DeviceStep {
    std::string path;   // in the container, and on the host where it is bound
    std::string parent; // directory inside the root, "dev"
    std::string name;
    mode_t type = 0; // S_IFCHR, S_IFBLK, S_IFIFO
    mode_t mode = 0666;
    dev_t number = 0;
    uid_t uid = 0, gid = 0; // in the container
    uid_t host_uid = 0, host_gid = 0;
    bool owned = false; // the specification names mode or owner: another node with the same number will not do
    bool bound = false; // in a user namespace of its own nobody may make nodes: the host's is mounted
    Fd node;            // a clone of it
};

// `new_user_namespace`: nodes are bound. `terminal`: /dev/console is left to mount_console().
Result<std::vector<DeviceStep>> plan_devices(const oci::Spec &spec, bool new_user_namespace, bool terminal);

// In the parent, for nodes that are bound: clones of the host's nodes, verified by type and number. A node that the
// host does not have, or has with another mode or owner, is made on a small file system for it alone. EPERM is left to
// the child.
Status prepare_devices(std::vector<DeviceStep> &devices);

// In the child, with umask 0: the devices, and the links /dev/fd, stdin, stdout, stderr, core and ptmx. The root is
// where paths start; `proc` is the host's.
Outcome populate_devices(const std::vector<DeviceStep> &devices, int root, BorrowedFd proc);
// What `index` of Step::kDeviceLink is.
const char *device_link(int index);

// The pts that `terminal` is open on over /dev/console.
Outcome bind_console(int root, BorrowedFd terminal);

} // namespace ballast::isolate
