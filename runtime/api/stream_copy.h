// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/http/exchange.h"
#include "base/result.h"

namespace ballast::api {

// Carries bytes between a client that took its connection over and a container's stream, both ways, until the stream
// ends (all of it is delivered first), the client is gone, or `stop_event` is readable. The client's half-close becomes
// the stream's.
void copy_both_ways(const http::Hijacked &client, BorrowedFd stream, BorrowedFd stop_event);

} // namespace ballast::api
