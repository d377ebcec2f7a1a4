// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/cni/attachment.h"

// What is known of attachments, in files that other programs of CNI can read ("cniCacheV1"): a container is taken out
// of a network by the configuration that it was put in with, whatever the operator wrote since, and after a reboot,
// too.
//
//   DIRECTORY/NETWORK-CONTAINER-INTERFACE
namespace ballast::cni {

struct CacheEntry {
    Configuration configuration;
    Attachment attachment; // of its wishes only `wishes` below
    std::string wishes;    // as wishes_json() gives them
    std::string result;    // empty: ADD was not seen to its end
};

class Cache {
  public:
    explicit Cache(std::filesystem::path directory) : directory_(std::move(directory)) {}

    Status write(const CacheEntry &entry) const;
    // Missing is fine.
    Status remove(const CacheEntry &entry) const;

    struct Read {
        std::vector<CacheEntry> entries;
        std::vector<std::string> problems; // a file that cannot be read harms its attachment only
    };
    // All of them, in the order of their files' names.
    Result<Read> read() const;

  private:
    std::filesystem::path file_of(const CacheEntry &entry) const;
    std::filesystem::path directory_;
};

} // namespace ballast::cni
