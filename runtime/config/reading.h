// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "base/yaml.h"

// What the readers of the configuration's keys share.
namespace ballast::config {

// EINVAL "FILE:LINE:COLUMN: WHAT".
std::unexpected<Error> wrong(const YamlNode &node, const std::string &what);
// The same where the key's value stands: "KEY" and then `what`.
std::unexpected<Error> wrong_at(const YamlNode &root, const char *key, const std::string &what);

// Fails on the first key that is not known, and says which one was probably meant.
Status refuse_unknown(const YamlNode &mapping, std::span<const char *const> known);

Result<std::map<std::string, std::string>> texts_by_name(const YamlNode &mapping);

} // namespace ballast::config
