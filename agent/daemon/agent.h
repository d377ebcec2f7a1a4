// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "agent/cluster/cluster.h"
#include "agent/config/flags.h"
#include "agent/daemon/bus.h"
#include "agent/server/node_rate.h"
#include "agent/server/node_server.h"
#include "agent/static_pods/manifests.h"
#include "agent/upkeep/upkeep.h"
#include "agent/worker/pods.h"
#include "agent/worker/questions.h"
#include "agent/worker/runtime_changes.h"

namespace ballast::agent {

// The node agent: pods from their manifests to the container runtime, and this node's part in its cluster. One thread
// owns all state and waits in run(); others come and go for what takes long.
class Agent {
  public:
    // `retry`: what failed is tried again after this.
    static Result<std::unique_ptr<Agent>> make(Options options,
                                               std::chrono::nanoseconds retry = std::chrono::seconds(10));
    // Pods go on. Waits for what is being done; who cannot wait ends the process instead.
    ~Agent();
    Agent(const Agent &) = delete;
    Agent &operator=(const Agent &) = delete;

    // Says on the system's bus how the node is. An error when that cannot be.
    Status answer_on_bus();
    // Has the machine wait for its pods when it is shut down, if the configuration says so.
    Status delay_shutdown();
    // Until `ended` is readable. `watchdog`: tells the service manager that often that it lives.
    Status run(BorrowedFd ended, std::optional<std::chrono::microseconds> watchdog = {});

    // For tests, from the owner's thread.
    const Pods &pods() const { return *pods_; }

  private:
    explicit Agent(Options options) : options_(std::move(options)), shutdown_(options_.config.shutdown.periods()) {}
    Status open(std::chrono::nanoseconds retry);
    void note(const Pod &pod, const Note &note);
    void note_node(const Note &note);
    Status open_server();
    std::vector<std::string> addresses() const;
    Result<ServingCertificate> serving_certificate();
    PodSource pod_source();
    NodeUsage node_usage();
    void process_bus();
    void process_shutdown(Pods::Time now);
    void prepare_shutdown(bool down, Pods::Time now);
    void let_machine_go(Pods::Time now);
    void ask_cluster(std::function<Status(Cluster &)> question, bus::Answer answer);
    void scan(Pods::Time now);
    void want();
    int wait_time(Pods::Time now, std::optional<std::chrono::microseconds> watchdog) const;

    Options options_;
    std::unique_ptr<Runtime> runtime_;
    std::unique_ptr<Images> images_;
    http::Client http_;
    std::unique_ptr<World> world_;
    std::unique_ptr<Background> background_;
    std::unique_ptr<Pods> pods_;
    std::unique_ptr<RuntimeChanges> runtime_changes_;
    std::unique_ptr<Upkeep> upkeep_;
    std::optional<Manifests> manifests_;
    std::optional<std::vector<Pod>> static_pods_; // as they were found last; nothing: not looked for yet
    std::unique_ptr<Cluster> cluster_;            // nothing: there is none
    std::unique_ptr<bus::Service> bus_;
    Shutdown shutdown_;
    std::unique_ptr<bus::ShutdownDelay> shutdown_delay_; // nothing: pods end with everything else
    std::optional<Pods::Time> told_by_;                  // the machine waits no longer for what is to be told
    std::unique_ptr<Questions> questions_;
    std::unique_ptr<NodeRate> node_rate_;
    std::unique_ptr<NodeServer> server_;             // nothing: nobody could say who may ask
    std::unique_ptr<SignedCertificate> certificate_; // by the cluster; tells the server of each new one
    Pods::Time next_scan_{0};
    bool asking_ = false; // the cluster to drain this node, or to open it
    std::mutex notes_mutex_;
    std::map<std::string, std::string> notes_; // what was said last, by pod and reason
};

} // namespace ballast::agent
