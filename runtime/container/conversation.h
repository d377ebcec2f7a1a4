// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/channel.h"

namespace ballast::container {

// What the runtime does when the container's process says something; empty ones are not expected.
struct Conversation {
    std::function<Error(const isolate::Outcome &)> describe;
    std::function<Status()> mounted;
    std::function<Status(Fd)> terminal;
    std::function<Status(Fd)> listener;
};

// Answers until the process is ready (true), or its end of the channel is closed (false): it runs the program then, or
// was killed. What it reports as failed is the error.
Result<bool> converse(BorrowedFd channel, const Conversation &conversation);

// Lets the process go on.
Status continue_process(BorrowedFd channel);

} // namespace ballast::container
