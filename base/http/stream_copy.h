// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/fd.h"
#include "base/http/exchange.h"
#include "base/result.h"

namespace ballast::http {

// Carries bytes between a client that took its connection over and a stream, both ways, until the stream ends (all of
// it is delivered first), the client is gone, or `stop_event` is readable. The client's half-close becomes the
// stream's. `stream_ahead`: what was read of the stream already.
void copy_both_ways(const Hijacked &client, BorrowedFd stream, BorrowedFd stop_event,
                    std::string_view stream_ahead = {});

} // namespace ballast::http
