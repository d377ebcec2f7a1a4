// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/network/model.h"

// The files of networks and of what running containers have of them, JSON, read strictly.
namespace ballast::network {

std::string record_text(const Network &network);
// EINVAL "NAME: PATH: PROBLEM".
Result<Network> parse_network(std::string_view text, const std::string &name);

std::string record_text(const Sandbox &sandbox);
Result<Sandbox> parse_sandbox(std::string_view text, const std::string &name);

} // namespace ballast::network
