// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/oci/spec.h"

// Reads what other programs hand us as JSON (RFC 8259) by the OCI runtime specification 1.3.0. Unknown properties are
// ignored, as the specification says; a known one with a wrong type, a value out of range, an unknown enumerator or a
// NUL byte is EINVAL: "config.json: linux.resources.memory.limit: want a whole number, have "12"". Text over 8 MiB or
// nested deeper than 64 is refused before it costs memory.
namespace ballast::oci {

Result<Spec> parse_spec(std::string_view json, const std::string &name);
Result<Spec> read_spec(const std::filesystem::path &bundle); // bundle/config.json

// The `process` object alone, as `exec --process FILE` reads it.
Result<Process> parse_process(std::string_view json, const std::string &name,
                              std::vector<std::string> *warnings = nullptr);
// The `resources` object alone, as `update --resources FILE` reads it.
Result<Resources> parse_resources(std::string_view json, const std::string &name,
                                  std::vector<std::string> *warnings = nullptr);

// CAP_CHOWN -> 0; nullopt when this runtime does not know the name. And back; "CAP_41" for a number without a name.
std::optional<int> capability_number(std::string_view name);
std::string capability_name(int number);

} // namespace ballast::oci
