// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <string>

#include "agent/cri_client/runtime.h"
#include "agent/pods/back_off.h"
#include "agent/pods/plan.h"
#include "agent/pods/spec.h"

namespace ballast::agent {

// Images for containers, by their policies; pulls that fail are tried again later and later. For several threads.
class Images {
  public:
    // `most_pulls` at once; 0: as many as are asked for.
    Images(Runtime &runtime, std::size_t most_pulls);

    struct Outcome {
        std::optional<Runtime::ImageFacts> image;
        Waiting waiting;                                     // why there is none
        std::optional<std::chrono::nanoseconds> pulled = {}; // how long a pull took
    };
    Outcome ensure(const Pod &pod, const Container &container, const ::runtime::v1::PodSandboxConfig &sandbox,
                   const std::stop_token &stop);

  private:
    Outcome pull(const Pod &pod, const Container &container, const ::runtime::v1::PodSandboxConfig &sandbox,
                 const std::stop_token &stop);

    Runtime &runtime_;
    std::counting_semaphore<> pulls_;
    std::mutex mutex_; // over what follows
    BackOff back_off_;
    std::map<std::string, std::pair<BackOff::Time, std::string>> failures_; // when and why, by pod and image
};

} // namespace ballast::agent
