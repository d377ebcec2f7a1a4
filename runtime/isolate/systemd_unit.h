// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/resources.h"
#include "runtime/isolate/unit_property.h"

// A container as a systemd scope: its names, and its limits as properties of the unit, so that systemd, which writes
// the files of its units again on `daemon-reload`, writes the same values. Pure.
namespace ballast::isolate {

struct ScopeName {
    std::string slice; // "system.slice"
    std::string scope; // "libpod-1234.scope"
};

// From linux.cgroupsPath, "slice:prefix:name"; from an empty one a scope of the id's name in the default slice.
Result<ScopeName> scope_name(std::string_view cgroups_path, std::string_view id, bool rootless);

// Annotations "org.systemd.property.NAME", with values in the text format of GVariant: true, 'text', ['a', 'b'],
// uint64 12, 12. Whoever may annotate a pod must not be able to make systemd do things for him, so only properties that
// bear on the scope itself are taken, each with the type that systemd wants (EPERM for others), and control characters
// are refused. "TimeoutStopSec" in seconds becomes "TimeoutStopUSec".
Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string> &annotations);

// The writes that systemd has a property for. `starting`: also what can be said of a new unit only.
Result<std::vector<UnitProperty>> resource_properties(const std::vector<CgroupWrite> &writes, bool starting);

// "0-3,7" as bits, the least first: what AllowedCPUs= and AllowedMemoryNodes= take.
Result<std::vector<std::uint8_t>> number_set(std::string_view list);

} // namespace ballast::isolate
