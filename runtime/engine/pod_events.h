// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"

// What happens to pods, for kubelet: each event with all of its pod as it was at that moment, so that nobody has to ask
// for it, and be told of what came later.
namespace ballast::engine {

struct PodEvent {
    enum class Kind { kCreated, kStarted, kStopped, kDeleted };
    Kind kind = Kind::kCreated;
    std::string id = {}; // of a container, or of the sandbox itself
    Time time = kNever;
    Snapshot sandbox = {};
    bool ready = false;                    // the sandbox
    std::vector<Snapshot> containers = {}; // without one that was deleted
};

// "create", "start", "die" and "destroy" of Docker's events; others are none of a pod's.
std::optional<PodEvent::Kind> pod_event_kind(const std::string &action);

class PodEvents {
  public:
    // Of one subscriber that does not take them. One more, and it is told that it has lost some: it has to look at
    // everything anew.
    static constexpr std::size_t kQueue = 512;

    // `make` is called when somebody wants events, and may say that there is none.
    void publish(const std::function<std::optional<PodEvent>()> &make);

    class Subscription {
      public:
        ~Subscription();
        // The next one. ECANCELED when `stop` was asked; EOVERFLOW when events were lost; ECONNRESET: there are no
        // more, as the engine ends.
        Result<std::shared_ptr<const PodEvent>> next(const std::stop_token &stop);

      private:
        friend class PodEvents;
        struct Queue;
        Subscription(PodEvents &bus, std::shared_ptr<Queue> queue) : bus_(&bus), queue_(std::move(queue)) {}
        PodEvents *bus_;
        std::shared_ptr<Queue> queue_;
    };
    // From now on. It ends before this does.
    std::unique_ptr<Subscription> subscribe();
    // Nobody waits any longer.
    void close();

  private:
    std::mutex making_; // outer: events come in the order in which they were made
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::list<std::shared_ptr<Subscription::Queue>> queues_;
    bool closed_ = false;
};

} // namespace ballast::engine
