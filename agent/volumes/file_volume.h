// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>

#include "agent/pods/environment.h"
#include "agent/pods/pod_objects.h"
#include "agent/pods/spec.h"
#include "base/result.h"

// Volumes of files that somebody else keeps: configMap, secret, downwardAPI, projected.
namespace ballast::agent {

struct FileContent {
    std::string content = {};
    int mode = 0644;
    bool operator==(const FileContent &) const = default;
};
using FileContents = std::map<std::string, FileContent>; // by their paths in the volume

// What the volume holds now. ENOENT, EINVAL: what it refers to is not there, and need be; ENOTSUP: there is no cluster.
Result<FileContents> contents_of(const Pod &pod, const FileVolume &volume, const Surroundings &surroundings,
                                 const PodObjects &objects);

// Makes the directory hold exactly these files, all at once for whoever reads there: they are written beside those that
// are there ("..NUMBER"), one link ("..data") is changed, and the old ones go. `group`: may read them. Nothing is
// written when they are as they should be. EINVAL: a path that leads out of the directory.
Status write_contents(const std::filesystem::path &directory, const FileContents &files, std::optional<gid_t> group);

} // namespace ballast::agent
