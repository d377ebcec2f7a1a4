// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/subprocess.h"
#include "tests/vm/machine.h"

// Somebody else on a network of the machine's: a network namespace here, joined by a cable to a card that is plugged
// into the guest. Frames go as they are, by IPv4 and IPv6 and whatever protocol; QEMU's own network, through which
// tests log in, is another one.
namespace ballast::vm {

class Neighbour {
  public:
    // Documentation prefixes (RFC 5737, RFC 3849). Neither knows a way beyond the other.
    static constexpr const char *kMachine4 = "198.51.100.1", *kMachine6 = "2001:db8:51::1";
    static constexpr const char *kOwn4 = "198.51.100.2", *kOwn6 = "2001:db8:51::2";

    // Returns once the guest's networkd has both of its addresses. The test fails when that cannot be.
    explicit Neighbour(Machine &machine);
    ~Neighbour();
    Neighbour(const Neighbour &) = delete;
    Neighbour &operator=(const Neighbour &) = delete;

    // A program of the neighbour's.
    Command command(std::vector<std::string> words) const;

  private:
    void here(std::vector<std::string> words) const; // `ip -n NAMESPACE WORDS...`
    std::string name_;                               // of the namespace, and of the cable's end in it
};

} // namespace ballast::vm
