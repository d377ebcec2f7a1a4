// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// A property of a systemd unit as it is sent over D-Bus, and how ballast-oci hands it to ballast-oci-scope.
//
// The talk with systemd is in a program of its own: sd-bus adds 790 KB to a static binary (more than all of the rest),
// and its look-ups of users and hosts want glibc's shared libraries at run time. Only --systemd-cgroup, which other
// engines use, pays for starting it.
namespace ballast::isolate {

struct UnitProperty {
    std::string name;
    std::string type;               // D-Bus signature: b s as i u t au ay
    std::vector<std::string> words; // one a value; numbers in decimal, b as true or false

    bool operator==(const UnitProperty &) const = default;
};

inline constexpr std::size_t kLargestRequest = 1U << 20;

// Letters only, from 3 to 64.
bool is_property_name(std::string_view name);
// At most 255 letters, digits and :-_.\@ ending in ".scope".
bool is_scope_name(std::string_view name);

// The list as bytes: NAME\0TYPE\0COUNT\0WORD\0...
std::string encode(const std::vector<UnitProperty> &properties);
// EINVAL for anything but what encode() makes: a name or type that is not allowed, too few words, bytes left over.
Result<std::vector<UnitProperty>> decode(std::string_view bytes);

} // namespace ballast::isolate
