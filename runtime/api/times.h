// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"
#include "runtime/engine/model.h"

namespace ballast::api {

inline engine::Time now() { return std::chrono::system_clock::now(); }

// The "since" and "until" of events and logs: "1700000000.123456789", RFC 3339, or a Go duration before `now` ("10m").
// Empty and "0": kNever. EINVAL for other forms.
Result<engine::Time> parse_when(std::string_view text, engine::Time now);

} // namespace ballast::api
