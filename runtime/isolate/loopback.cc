// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/loopback.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace ballast::isolate {

Outcome set_loopback_up() {
    const Fd any(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)); // of any family: the request is about a device
    ifreq request{.ifr_ifrn = {.ifrn_name = "lo"}, .ifr_ifru = {}};
    request.ifr_flags = IFF_UP;
    return any.is_open() && ioctl(any.get(), SIOCSIFFLAGS, &request) == 0 ? done() : failed_at(Step::kLoopback);
}

} // namespace ballast::isolate
