// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/http/exchange.h"
#include "base/result.h"

namespace ballast::api {

// What a client of Kubernetes wants to speak from here on, and the headers of the answer that says yes.
struct Upgrade {
    enum class Wire { kSpdy, kWebSocket } wire = Wire::kSpdy;
    std::string protocol;
    http::Headers answer;
};

// The client's first protocol that is spoken over what it asks for: SPDY/3.1 or WebSocket. A client that names none
// over WebSocket speaks `unnamed`; over SPDY it has to name one. EINVAL: it offers none, or its handshake is none.
Result<Upgrade> read_upgrade(const http::Request &request, std::span<const std::string_view> over_spdy,
                             std::span<const std::string_view> over_websocket, std::string_view unnamed);

} // namespace ballast::api
