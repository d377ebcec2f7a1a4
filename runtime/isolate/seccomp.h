// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <linux/filter.h>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/isolate/seccomp_notify.h" // send_seccomp_listener()
#include "runtime/oci/spec.h"

// seccomp(2) filters of containers. libseccomp compiles a profile once; the program is kept by the profile's content,
// so that the next container with it reads it instead (the default profile costs more to compile than a container to
// start).
namespace ballast::isolate {

struct SeccompProgram {
    std::vector<sock_filter> filter; // empty: no filter
    unsigned flags = 0;              // SECCOMP_FILTER_FLAG_*
    bool notifies = false;           // there is a listenerPath: loading it gives a listener
};

// `cache` is a directory that only we write to (made 0700 when missing); what is damaged there is compiled again, and
// one that others may write to is not used at all.
//
// Names of system calls that this libseccomp does not know are left out, as other runtimes do. A system call that is
// newer than the profile gets the profile's default action, as with crun: no ENOSYS is put in its place, so a profile
// whose default is an errno and which wants ENOSYS for new calls says so with defaultErrnoRet. Unknown actions,
// operators, architectures and flags are EINVAL with their place, as is an errno for an action that has none, and
// SCMP_ACT_NOTIFY without a listenerPath, as the default action or for sendmsg(2), with which the listener is handed
// over. A flag that the kernel lacks is ENOTSUP. No flags: SPEC_ALLOW, as other runtimes take it; WAIT_KILLABLE_RECV
// means nothing without SCMP_ACT_NOTIFY and is left out there.
Result<SeccompProgram> seccomp_program(const oci::Seccomp &profile, const std::filesystem::path &cache);

// Of the flags of profiles, those that this kernel has.
std::vector<std::string> supported_seccomp_flags();

// In the container's process. `listener` is the notify descriptor (close-on-exec), or -1. EACCES: neither no_new_privs
// nor CAP_SYS_ADMIN.
Outcome load_seccomp(const SeccompProgram &program, int &listener);

} // namespace ballast::isolate
