// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace ballast::boot {

enum class FileSystemCheck { kAuto, kForce, kSkip };

// What the kernel's command line asks of the initramfs: kernel-parameters.txt of Linux, fsck.mode= of
// systemd-fsck(8) and rd.timeout= of dracut.cmdline(7).
struct RootOptions {
    std::string root = {};                          // root=: LABEL=, UUID=, PARTLABEL=, PARTUUID= or a path under /dev
    std::string type = {};                          // rootfstype=; empty: what the device says
    std::string flags = {};                         // rootflags=, for the file system itself
    std::string init = "/sbin/init";                // init=
    bool read_only = true;                          // ro and rw, the last of them
    bool deployment = false;                        // ostree= is there: the root is one of several in that file system
    FileSystemCheck check = FileSystemCheck::kAuto; // fsck.mode=auto|force|skip
    std::chrono::seconds wait{90}; // rd.timeout=: how long the root device may take to appear; 1 to 86400
};

// EINVAL with the word when root= is missing or one of these has a value that is none.
Result<RootOptions> parse_root_options(const std::string &command_line);

} // namespace ballast::boot
