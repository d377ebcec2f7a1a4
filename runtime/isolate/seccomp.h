// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <linux/filter.h>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// seccomp(2) filters of containers. libseccomp compiles a profile once; the program is kept by the profile's content, so
// that the next container with it maps it instead (the default profile costs more to compile than a container to start).
namespace ballast::isolate {

struct SeccompProgram {
    std::vector<sock_filter> filter; // empty: no filter
    unsigned flags = 0;              // SECCOMP_FILTER_FLAG_*
    bool notifies = false;           // has SCMP_ACT_NOTIFY: loading it gives a listener
};

// `cache` is a directory that only we write to (made 0700 when missing); what is damaged there is compiled again. Names
// of system calls that this libseccomp does not know are left out, as other runtimes do; unknown actions, operators,
// architectures and flags are EINVAL with their place; a flag that the kernel lacks is ENOTSUP.
Result<SeccompProgram> seccomp_program(const oci::Seccomp &profile, const std::filesystem::path &cache);

// In the container's process. `listener` is the notify descriptor, or -1.
Outcome load_seccomp(const SeccompProgram &program, int &listener);

// In the parent: hands `listener` to the agent that listens at `path`, with the container process state (JSON) of the
// specification, metadata included.
Status send_seccomp_listener(BorrowedFd listener, const std::filesystem::path &path, const std::string &process_state);

} // namespace ballast::isolate
