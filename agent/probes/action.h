// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "agent/cri_client/runtime.h"
#include "agent/pods/spec.h"
#include "base/http/client.h"
#include "base/result.h"

// What probes and hooks do.
namespace ballast::agent {

// At whom an action is aimed.
struct Target {
    std::string container_id = {};
    std::string address = {};             // of the pod
    const Container *container = nullptr; // whose ports may be named; nullptr: not known any more
};

struct Means {
    Runtime &runtime;
    http::Client &http;
};

// Done well, or an error that says what went wrong: EIO for an answer that is none of success, ETIMEDOUT, ECONNREFUSED
// and others from underneath; EINVAL: a port by a name that no port has.
Status run_action(const Action &action, const Target &target, const Means &means, std::chrono::seconds timeout,
                  const std::stop_token &stop);

} // namespace ballast::agent
