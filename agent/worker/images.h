// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/cri_client/pull_credentials.h"
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
    // What there is for an image's registry; asked for when a pull is due.
    using Credentials = std::function<std::vector<PullCredentials>()>;
    // A pull is tried with each of the credentials until one serves, and without any when there are none.
    Outcome ensure(const Pod &pod, const Container &container, const ::runtime::v1::PodSandboxConfig &sandbox,
                   const Credentials &credentials, const std::stop_token &stop);

  private:
    Outcome pull(const Container &container, const ::runtime::v1::PodSandboxConfig &sandbox,
                 const Credentials &credentials, const std::stop_token &stop);
    Status pull_with(const Container &container, const ::runtime::v1::PodSandboxConfig &sandbox,
                     std::vector<PullCredentials> credentials, const std::stop_token &stop);

    Runtime &runtime_;
    std::counting_semaphore<> pulls_;
    std::mutex mutex_; // over what follows
    BackOff back_off_;
    std::map<std::string, std::pair<BackOff::Time, std::string>> failures_; // when and why, by pod and image
};

} // namespace ballast::agent
