// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/http/exchange.h"
#include "base/result.h"
#include "runtime/api/cri_streams.h"

namespace ballast::api {

// Answers a request to reach ports of a pod: takes the connection over in the protocol that the client offers and
// carries what programs in the pod's network say on 127.0.0.1, or else on ::1. EINVAL for a client that offers none
// that is spoken here.
Status serve_forward(http::Exchange &exchange, const ForwardStream &what);

} // namespace ballast::api
