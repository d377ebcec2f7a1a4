// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/own_host.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>

#include "tests/unit/check.h"

namespace ballast::testing {
namespace {

Fd this_namespace() { return Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

} // namespace

bool loopback_up() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

OwnHost::OwnHost() : before_(this_namespace()) {
    if (unshare(CLONE_NEWNET) != 0 || !loopback_up()) {
        SKIP("needs root, to make network namespaces");
    }
}

OwnHost::~OwnHost() { (void)setns(before_.get(), CLONE_NEWNET); } // the test is over

Fd new_network_namespace() {
    Fd made;
    std::thread([&made] {
        if (unshare(CLONE_NEWNET) == 0 && loopback_up()) {
            made = this_namespace();
        }
    }).join();
    REQUIRE(made.is_open());
    return made;
}

Fd socket_in(BorrowedFd network_namespace, int type, int family) {
    Fd made;
    std::thread([&made, network_namespace, type, family] {
        if (setns(network_namespace.get(), CLONE_NEWNET) == 0) {
            made = Fd(socket(family, type | SOCK_CLOEXEC, 0));
        }
    }).join();
    REQUIRE(made.is_open());
    return made;
}

} // namespace ballast::testing
