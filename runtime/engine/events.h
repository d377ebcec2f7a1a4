// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"

// What happens in the engine, as `docker events` tells it: types, actions and attributes are Docker's.
namespace ballast::engine {

struct Event {
    std::string type = {};   // container, image, volume, network, daemon
    std::string action = {}; // create, start, die, "exec_create: ls", "health_status: healthy", …
    std::string actor = {};  // id or name
    std::map<std::string, std::string> attributes = {};
    Time time = kNever;
};

struct EventQuery {
    Time since = kNever, until = kNever; // since: history first; until: ends there
    // config container daemon event image label network node plugin scope secret service type volume
    std::map<std::string, std::vector<std::string>> filters = {};
};

class Events {
  public:
    // The last kHistory events are kept in `file`, and those of the daemon's last life are read from it; a line that
    // does not read is left out.
    static constexpr std::size_t kHistory = 1024;
    // Of one subscriber that does not take them: beyond that it loses its oldest.
    static constexpr std::size_t kQueue = 2048;

    // What of the history does not read is set aside, and reported in `warnings`.
    Events(std::filesystem::path file, std::vector<std::string> &warnings);
    ~Events();

    // Sets the time unless one is given. Never fails and never waits for a subscriber.
    void publish(Event event);

    class Subscription {
      public:
        ~Subscription();
        // The next one; nullopt when `until` has come or `stop` was asked.
        std::optional<Event> next(const std::stop_token &stop);

      private:
        friend class Events;
        struct Queue;
        explicit Subscription(Events &bus, std::shared_ptr<Queue> queue) : bus_(&bus), queue_(std::move(queue)) {}
        Events *bus_;
        std::shared_ptr<Queue> queue_;
    };
    std::unique_ptr<Subscription> subscribe(EventQuery query);

  private:
    void set_aside(const std::string &problem, std::vector<std::string> &warnings);
    void append_to_file(const Event &event);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::filesystem::path file_ = {};
    std::deque<Event> history_;
    std::size_t lines_in_file_ = 0;
    std::list<std::shared_ptr<Subscription::Queue>> queues_;
    Time last_ = kNever;
};

// Whether `event` passes all filters of `query`: several values of one name are alternatives.
bool matches(const Event &event, const EventQuery &query);

} // namespace ballast::engine
