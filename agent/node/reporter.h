// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "agent/api_server/api_server.h"
#include "agent/node/node_object.h"

namespace ballast::agent {

struct ReporterTimes {
    std::chrono::milliseconds heartbeat = std::chrono::seconds(10); // the lease, and a look at whether anything changed
    std::chrono::milliseconds report = std::chrono::minutes(5);     // a status is sent when nothing has changed, too
};

// Keeps the API server told that this node is there, and how it is, each in a thread of its own: whatever else takes
// long, a busy container runtime above all, the node's lease is renewed.
class NodeReporter {
  public:
    // `inputs` is asked from that thread. What is used outlives this. `registers`: makes the Node where there is none.
    NodeReporter(ApiServer &server, std::string name, bool registers, std::function<NodeInputs()> inputs,
                 ReporterTimes times = {});
    NodeReporter(const NodeReporter &) = delete;
    NodeReporter &operator=(const NodeReporter &) = delete;

    // The Node as the API server has it; null until it is known.
    Json node() const;
    // The last time it was told how the node is reached the API server.
    bool heard() const;

  private:
    void every_heartbeat(const std::stop_token &stop, const std::string &what, const std::function<Status()> &work);
    void report(const std::stop_token &stop);
    void keep_lease(const std::stop_token &stop);
    Status beat(const std::stop_token &stop);
    Result<Json> find_node(const NodeInputs &inputs, const std::stop_token &stop);
    Result<Json> create_node(const NodeInputs &inputs, const std::stop_token &stop);
    Status renew_lease(const Json &node, const std::stop_token &stop);
    void keep(Json node);

    ApiServer &server_;
    std::string name_, path_;
    bool registers_;
    std::function<NodeInputs()> inputs_;
    ReporterTimes times_;
    Json lease_;                                       // of the thread that keeps it
    std::chrono::steady_clock::time_point reported_{}; // when the last status was sent
    mutable std::mutex mutex_;                         // over what follows
    std::condition_variable_any has_joined_;
    bool joined_ = false; // since this process began; written by the thread that reports
    std::shared_ptr<const Json> node_;
    bool heard_ = false;
    std::jthread reports_, keeps_lease_;
};

} // namespace ballast::agent
