// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace ballast::chaos {

// What systemd is for the engine, where there is none: it holds its listening socket and its descriptors, and starts it
// again whenever it ends.
class ServiceManager {
  public:
    // Listens at `socket`; `words` with a "fd://" host among them. The daemon's output goes to `log`.
    ServiceManager(std::vector<std::string> words, std::filesystem::path socket, std::filesystem::path log);
    ServiceManager(const ServiceManager &) = delete;
    ServiceManager &operator=(const ServiceManager &) = delete;
    ~ServiceManager(); // SIGTERM to the daemon, and waits for it

    std::vector<std::string> kept() const; // names of descriptors in the store

  private:
    void run();
    pid_t start_daemon();
    void take_notifications();
    void keep(const std::string &name, Fd fd);

    std::vector<std::string> words_;
    std::filesystem::path socket_, log_;
    Fd listener_, notify_;
    mutable std::mutex mutex_;
    std::multimap<std::string, Fd> kept_;
    std::atomic<bool> ending_ = false;
    std::atomic<pid_t> daemon_ = -1;
    std::thread thread_;
};

} // namespace ballast::chaos
