// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/standard_streams.h"

#include <initializer_list>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace ballast::isolate {

void give_standard_streams(uid_t uid, gid_t gid) {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        struct stat status{};
        if (fstat(fd, &status) != 0 || (status.st_uid == uid && status.st_gid == gid) ||
            (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))) {
            continue;
        }
        // A terminal's group is that of terminals.
        const gid_t group = S_ISCHR(status.st_mode) ? static_cast<gid_t>(-1) : gid;
        if (fchown(fd, uid, group) != 0) {
            continue; // it works as a stream, if not by name
        }
    }
}

} // namespace ballast::isolate
