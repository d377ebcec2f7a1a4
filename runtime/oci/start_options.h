// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/container/settings.h"
#include "runtime/oci/options.h"

namespace ballast::oci {

// What create, run and exec have in common.
std::vector<Option> start_options(container::StartOptions &options);

// The one word that most commands take. EINVAL when there is none, or more.
Result<std::string> only_id(const char *verb, const std::vector<std::string> &words);

} // namespace ballast::oci
