// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "base/http/exchange.h"
#include "base/http/url.h"
#include "base/result.h"

namespace ballast::http {

// What came of asking a server to speak another protocol.
struct Upgraded {
    unsigned status = 0;
    Headers headers = {};
    std::string body = {}; // of a refusal, as far as it is short
    Hijacked connection;   // with status 101: what the server said behind its answer is read ahead
    bool switched() const { return status == 101; }
};

// Sends a request without a body, with these headers and "Connection: Upgrade", over a connection of its own. `url`:
// "http" and an address in numbers; ENOTSUP for others. A server that refuses is a success. ETIMEDOUT when it does not
// answer in `patience`, EPROTO when what answers does not speak HTTP, EFBIG for a refusal without end; others as
// connect(2) and recv(2) have them.
Result<Upgraded> ask_upgrade(const Url &url, const std::string &method, const Headers &headers,
                             std::chrono::milliseconds patience);

} // namespace ballast::http
