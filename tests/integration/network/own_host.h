// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include "base/fd.h"

// A host and its containers, as network namespaces with nothing but their loopback devices.
namespace ballast::testing {

// This thread, and those that it starts, are in a new network namespace as long as this lives. The test is skipped
// where none can be had.
class OwnHost {
  public:
    OwnHost();
    ~OwnHost();
    OwnHost(const OwnHost &) = delete;
    OwnHost &operator=(const OwnHost &) = delete;

  private:
    Fd before_;
};

bool loopback_up(); // of the thread's namespace
Fd new_network_namespace();

// A socket of a program in there.
Fd socket_in(BorrowedFd network_namespace, int type, int family = AF_INET);
} // namespace ballast::testing
