// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "runtime/network/published_port.h"

namespace ballast::network {

// Who has a port of the host: "nginx (process 1234)", "another program" when it is not to be seen. Nothing when there
// are at most connections that have ended. Slow: for messages.
std::optional<std::string> find_port_holder(Protocol protocol, const Address &address, std::uint16_t port);

} // namespace ballast::network
