// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/json/json_cursor.h"
#include "runtime/engine/pod.h"

namespace ballast::engine {

// A part of the record on disk.
nlohmann::ordered_json pod_json(const Pod &pod);
void read_pod(const JsonCursor &from, Pod &pod);

} // namespace ballast::engine
