// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/pods/spec.h"
#include "base/fd.h"
#include "base/result.h"

namespace ballast::agent {

// The static pods of a directory of manifests, or of one manifest. Files whose names begin with a dot are none.
class Manifests {
  public:
    // Nothing at `path`: no pods, until there is something.
    static Result<Manifests> open(std::filesystem::path path, std::string node_name);

    // Readable when something there may have changed: then, and now and then besides, scan(). A directory that is made
    // later is seen by the latter alone.
    BorrowedFd changed() const { return inotify_; }

    struct Found {
        std::vector<Pod> pods;
        std::vector<std::string> problems; // new since the last scan: of files that hold no pod
        bool complete = true;              // false: what is there could not be read; nothing is gone for that
    };
    // Of two manifests with one pod the first by name counts. A file that holds no pod any more, but something that is
    // wrong, goes on to stand for the pod that it held.
    Found scan();

  private:
    Manifests(std::filesystem::path path, std::string node_name, Fd inotify)
        : path_(std::move(path)), node_name_(std::move(node_name)), inotify_(std::move(inotify)) {}
    void watch();
    Result<std::vector<std::filesystem::path>> files() const;

    std::filesystem::path path_;
    std::string node_name_;
    Fd inotify_;
    bool watched_ = false;
    std::map<std::string, std::string> told_; // problems by file
    std::map<std::string, Pod> good_;         // what each file held last that was a pod
};

} // namespace ballast::agent
