// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

// What the node keeps for a pod while it is there, laid out as kubelet does:
//   ROOT/pods/UID/etc-hosts                                    the containers' /etc/hosts
//   ROOT/pods/UID/containers/NAME/ATTEMPT                      termination messages
//   ROOT/pods/UID/volumes/kubernetes.io~empty-dir/NAME         volumes
//   ROOT/pods/UID/volumes/kubernetes.io~local-volume/NAME      mounts of what claims are bound to
//   ROOT/pods/UID/volume-subpaths/VOLUME/CONTAINER/NUMBER      mounts of parts of volumes
namespace ballast::agent {

class PodDirectory {
  public:
    PodDirectory(const std::filesystem::path &root, const std::string &uid) : path_(root / "pods" / uid) {}

    const std::filesystem::path &path() const { return path_; }
    std::filesystem::path hosts() const { return path_ / "etc-hosts"; }
    std::filesystem::path termination_message(const std::string &container, unsigned attempt) const;
    std::filesystem::path empty_dir(const std::string &volume) const;
    // Of a kind as volumes have it: "configMap".
    std::filesystem::path files(const std::string &kind, const std::string &volume) const;
    std::filesystem::path claim(const std::string &volume) const;
    std::filesystem::path sub_path(const std::string &volume, const std::string &container, std::size_t number) const;

    // Makes it; 0750, as what it holds is not for everybody.
    Status make() const;
    // Unmounts what is mounted in it and removes it. Missing is fine.
    Status remove() const;

  private:
    std::filesystem::path path_;
};

// The UIDs of pods that have a directory.
Result<std::vector<std::string>> pods_with_directories(const std::filesystem::path &root);

// Where something is mounted below `directory`, innermost first.
Result<std::vector<std::filesystem::path>> mounts_below(const std::filesystem::path &directory);

} // namespace ballast::agent
