// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

// /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log: links to containers' logs, which collectors of logs follow and
// whose names they read.
namespace ballast::agent {

struct LogLink {
    std::string name = {};
    std::filesystem::path log = {};
    bool written = false; // its container runs: a log that is missing will be there again
};

// No longer than a file's name may be.
std::string log_link_name(const std::string &pod, const std::string &name_space, const std::string &container,
                          const std::string &id);

// Makes the link, and `directory`. Nothing when it is there, or the log is not.
Status link_log(const std::filesystem::path &directory, const LogLink &link);

// Missing is fine.
Status unlink_log(const std::filesystem::path &directory, const std::string &name);

// Makes those that are missing, and removes every link there that leads to no log; but not when its log is `written`.
// All are tried; the first error.
Status keep_log_links(const std::filesystem::path &directory, const std::vector<LogLink> &links);

} // namespace ballast::agent
