// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/chaos/engine_client.h"
#include "tests/chaos/killer.h"
#include "tests/chaos/place.h"

namespace ballast::chaos {

// What a client has asked of a container and was told, as far as it binds the engine.
struct Asked {
    std::string id = {};
    bool must_exist = false; // created, and nothing said that could have removed it
    bool must_be_gone = false;
    bool auto_remove = false;
    bool ends_by_itself = false;
    bool signalled = false; // stop, kill or restart was asked for
    int status = 0;         // that the worker ends with
};

// Containers that start, run, stop, exec and are removed, images that are pulled and removed; whatever the engine
// answers while its programs are killed. Each thread has containers of its own.
class Workload {
  public:
    Workload(Place place, const Effort &effort, std::vector<std::string> images, const Killer &killer)
        : place_(std::move(place)), effort_(effort), images_(std::move(images)), killer_(killer),
          client_(place_.socket) {}

    void run(const std::stop_token &stop);
    std::map<std::string, Asked> asked() const; // by container's name
    std::vector<std::string> problems() const;  // what was wrong already then
    unsigned done() const { return done_; }     // requests that succeeded

  private:
    struct Slot {
        int number = 0, generation = 0;
        std::string name = {};
        bool exists = false;
    };
    void work(const std::stop_token &stop, int thread);
    void step(Slot &slot, std::minstd_rand &random);
    void create(Slot &slot, std::minstd_rand &random);
    void remove(Slot &slot);
    void ask(const Slot &slot, const std::string &method, const std::string &verb);
    void exec(const Slot &slot, int status);
    bool is_running(const std::string &name);
    bool may_end(const std::string &name);
    int monitor_kills(const std::string &name);
    void pull(std::minstd_rand &random);
    int call(const std::string &method, const std::string &target, const std::string &body = ""); // 0: no answer
    Asked &of(const std::string &name) { return asked_[name]; }
    void complain(std::string problem);

    Place place_;
    Effort effort_;
    std::vector<std::string> images_;
    const Killer &killer_;
    EngineClient client_;
    std::atomic<unsigned> done_ = 0;
    mutable std::mutex mutex_;
    std::map<std::string, Asked> asked_;
    std::vector<std::string> problems_;
};

} // namespace ballast::chaos
