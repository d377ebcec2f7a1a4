// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/worker/pods.h"
#include "agent/worker/world.h"

namespace ballast::agent {

// One container's log.
struct KeptLog {
    std::string container = {}; // its ID
    std::filesystem::path file = {};
    bool written = false;  // its container runs
    std::string link = {}; // by which it is found besides
};
std::vector<KeptLog> logs_of(const Pods &pods);

// Turns the logs that are too large, ends what was interrupted, and keeps the links to them. What cannot be done is
// told once, and tried again the next time.
class LogUpkeep {
  public:
    explicit LogUpkeep(const World &world) : world_(world) {} // which outlives it

    // Takes its time; not from two threads at once.
    void tend(const std::vector<KeptLog> &logs, const std::stop_token &stop);

  private:
    void tend(const KeptLog &log);
    void told(const std::string &container, const Status &done);

    const World &world_;
    std::mutex mutex_;                            // over what follows
    std::map<std::string, std::string> troubles_; // by container's ID
};

} // namespace ballast::agent
