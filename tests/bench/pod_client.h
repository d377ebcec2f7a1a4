// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/cri_client/runtime.h"
#include "base/result.h"

namespace ballast::bench {

// Milliseconds.
struct PodTimes {
    double sandbox = 0, create = 0, start = 0;
};

// Makes pods of one container whose program waits, over CRI v1: with a network and a log of their own, the runtime's
// default seccomp profile, and a systemd slice as their parent. Several threads may use it at once.
class PodClient {
  public:
    explicit PodClient(const std::string &socket);

    // Waits until the runtime and its network are ready and it has `image`, which pods are made of from then on.
    // ETIMEDOUT when that takes too long, with what is missing.
    Status prepare(const std::string &image);

    struct Pod {
        std::string sandbox; // its id
        PodTimes times;
    };
    Result<Pod> run(const std::string &name); // of no pod that is there
    Status remove(const Pod &pod);

  private:
    Result<std::string> missing(const std::string &image);

    agent::Runtime runtime_;
    std::string image_; // as the runtime calls it
};

} // namespace ballast::bench
