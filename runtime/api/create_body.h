// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json/json_cursor.h"
#include "runtime/engine/engine.h"

namespace ballast::api {

// The body of POST /containers/create: a Config with HostConfig and NetworkingConfig in it. What is wrong stands in the
// document's status(). Unknown members are passed over.
engine::CreateRequest read_create_request(const JsonCursor &body);

} // namespace ballast::api
