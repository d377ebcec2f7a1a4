// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/peer.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// The peer as a disk, of the newest packages: from the cache when it was made of these before, else made by mmdebstrap
// and laid out by the code that lays out our own disk. Prints a line a stage.
Result<Contender> make_peer_image(const Peer &peer, const Settings &settings);

} // namespace ballast::bench
