// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "agent/api_server/api_server.h"
#include "agent/pods/spec.h"
#include "agent/worker/background.h"
#include "agent/worker/world.h"

namespace ballast::agent {

// What happens to pods, told to the API server as events (v1). What is said again is one event that is counted.
class Events {
  public:
    Events(ApiServer &server, Background &background, std::string node)
        : server_(server), background_(background), node_(std::move(node)) {}
    Events(const Events &) = delete;
    Events &operator=(const Events &) = delete;

    // From any thread.
    void add(const Pod &pod, const Note &note, std::int64_t now);
    void add_of_node(const Note &note, std::int64_t now);
    // Sends what has been added. In the owner's thread.
    void step();
    bool waits() const; // something is to be sent

  private:
    struct Event {
        std::string key = {};
        std::string name_space = {}, name = {}; // its own
        Json object = {};
        int count = 1;
    };
    void add(const Json &involved, const std::string &name_space, const Note &note, std::int64_t now);
    void send(const Event &event); // in the background

    ApiServer &server_;
    Background &background_;
    std::string node_;
    bool sending_ = false;
    mutable std::mutex mutex_; // over what follows
    std::deque<Event> waiting_;
    std::map<std::string, Event> told_; // by what they say
    std::uint64_t number_ = 0;
};

} // namespace ballast::agent
