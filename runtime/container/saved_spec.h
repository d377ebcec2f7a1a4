// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "runtime/container/state.h"
#include "runtime/oci/spec.h"

// config.json as it was when the container was made, from the container's own directory: the bundle may have changed.
namespace ballast::container {

Result<oci::Spec> load_spec(const ContainerDir &directory);

// Whether it is worth loading for hooks of this kind.
bool has_hooks(const State &state, std::string_view kind);

// Hooks run in the bundle's directory, as with other runtimes. A bundle that is gone by now is no error: they run where
// the caller is.
void go_to_bundle(const State &state);

} // namespace ballast::container
