// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// The execution domain: personality(2).
namespace ballast::isolate {

Outcome set_personality(const std::optional<oci::Personality> &wanted);

} // namespace ballast::isolate
