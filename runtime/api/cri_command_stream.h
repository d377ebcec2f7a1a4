// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/http/exchange.h"
#include "base/result.h"
#include "runtime/api/cri_streams.h"

namespace ballast::api {

// Answers a request for a stream: takes the connection over in the protocol that the client offers and carries the
// program's streams until it ends, or the client goes. EINVAL for a client that offers none that is spoken here.
Status serve_exec(http::Exchange &exchange, engine::Engine &engine, const ExecStream &what);
Status serve_attach(http::Exchange &exchange, engine::Engine &engine, const AttachStream &what);

} // namespace ballast::api
