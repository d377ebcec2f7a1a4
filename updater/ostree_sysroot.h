// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/ostree.h"
#include "updater/ostree.h"

// Inside of updater/ostree.h: what its two halves, deployments and sources, share.
namespace ballast::updater {

struct Sysroot::Data {
    Places places;

    // Read anew: others may have changed it.
    Result<glib::Object<OstreeSysroot>> load() const;
    // For changes: nobody else makes any until the sysroot is given back.
    Result<glib::Object<OstreeSysroot>> lock() const;
    // The system's repository with our own configuration of the remote, which is nowhere on disk for good: what
    // updater.json says is what counts.
    Result<glib::Object<OstreeRepo>> open_repository(const Source &source) const;

    const char *stateroot(OstreeSysroot *sysroot) const;
    Result<Deployment> describe(OstreeSysroot *sysroot, OstreeDeployment *one) const;
};

CommitInfo info_of(const std::string &checksum, GVariant *commit);
Result<glib::Variant> load_commit(OstreeRepo *repo, const std::string &checksum);

} // namespace ballast::updater
