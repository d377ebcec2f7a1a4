// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/unit_property.h"

// Asks systemd for scopes, through ballast-oci-scope (unit_property.h says why it is a program of its own).
namespace ballast::isolate {

class SystemdScope {
  public:
    // `user_bus`: of the user's own systemd, for rootless containers.
    SystemdScope(std::string scope, bool user_bus, std::string program = "/usr/lib/ballast/ballast-oci-scope")
        : scope_(std::move(scope)), user_bus_(user_bus), program_(std::move(program)) {}

    // All three wait until systemd is done. A leftover of the same name that failed is cleared away; one that is active
    // is EEXIST.
    Status start(const std::vector<UnitProperty> &properties) const;
    Status set(const std::vector<UnitProperty> &properties) const;
    Status stop() const; // one that is not there is fine

  private:
    Status ask(const char *verb, const std::vector<UnitProperty> &properties) const;

    std::string scope_;
    bool user_bus_;
    std::string program_;
};

} // namespace ballast::isolate
