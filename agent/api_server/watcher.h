// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/api_server/api_server.h"
#include "base/fd.h"
#include "base/result.h"

namespace ballast::agent {

// What has become of the objects that are watched.
struct Change {
    enum class Kind : std::uint8_t {
        kAll,    // `objects` are all that there are
        kStored, // one is new, or another
        kGone,   // one was deleted; as it was last
        kTrouble // the API server cannot be asked: `trouble` says why; it is tried again
    };
    Kind kind = Kind::kAll;
    std::vector<Json> objects = {};
    std::string trouble = {};
};

struct WatchTimes {
    std::chrono::milliseconds first_wait = std::chrono::milliseconds(800), longest_wait = std::chrono::seconds(30);
    std::chrono::seconds watch = std::chrono::minutes(4); // then it is begun anew, from where it was
};

// Objects of one kind, as the API server has them: listed, then watched from there, in a thread of its own. A watch
// that ends goes on where it was; when the API server has forgotten what was there everything is listed again. What
// fails is tried again later and later, not in step with others.
class Watcher {
  public:
    // `collection`: "/api/v1/pods"; `query`: "fieldSelector=spec.nodeName%3Dx", or nothing. `server` outlives it.
    static Result<std::unique_ptr<Watcher>> start(ApiServer &server, std::string collection, std::string query,
                                                  WatchTimes times = {});
    ~Watcher();
    Watcher(const Watcher &) = delete;
    Watcher &operator=(const Watcher &) = delete;

    // Readable when take() has something.
    BorrowedFd changed() const { return event_; }
    std::vector<Change> take();

  private:
    Watcher(ApiServer &server, std::string collection, std::string query, WatchTimes times, Fd event);
    void run(const std::stop_token &stop);
    Status list(const std::stop_token &stop);
    Status watch(const std::stop_token &stop);
    Status take_event(std::string_view line);
    void tell(Change change);

    ApiServer &server_;
    std::string collection_, query_;
    WatchTimes times_;
    Fd event_;
    std::string version_; // empty: to be listed
    std::string kind_, api_version_;
    bool heard_ = false; // since the last wait
    std::mutex mutex_;   // over changes_
    std::deque<Change> changes_;
    std::jthread thread_;
};

} // namespace ballast::agent
