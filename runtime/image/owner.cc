// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/owner.h"

#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

namespace ballast::image {

Status make_files_as(Owner owner) {
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0) {
        return fail_errno("keep the rights of another user");
    }
    setfsgid(owner.second);
    setfsuid(owner.first);
    return {};
}

} // namespace ballast::image
