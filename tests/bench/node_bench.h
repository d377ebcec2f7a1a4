// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// A node of a Kubernetes cluster beside kubelet and containerd, each in a machine of its own and both in one cluster,
// whose control plane runs on this host: memory, time from a pod's creation until it is ready, a node full of pods, and
// processor time at rest. Where BALLAST_PEERS has no kubelet, ours alone. Ports 6443, 2379 and 2380 of 127.0.0.1 must
// be free.
Status bench_node(const Settings &settings);

} // namespace ballast::bench
