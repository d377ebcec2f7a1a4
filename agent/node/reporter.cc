// SPDX-License-Identifier: Apache-2.0
#include "agent/node/reporter.h"

#include "base/log.h"
#include "base/signals_blocked.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char *kNodes = "/api/v1/nodes";
constexpr const char *kLeases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

} // namespace

NodeReporter::NodeReporter(ApiServer &server, std::string name, bool registers, std::function<NodeInputs()> inputs,
                           ReporterTimes times)
    : server_(server), name_(std::move(name)), path_(std::string(kNodes) + "/" + name_), registers_(registers),
      inputs_(std::move(inputs)), times_(times) {
    const SignalsBlocked blocked;
    reports_ = std::jthread([this](const std::stop_token &stop) { report(stop); });
    keeps_lease_ = std::jthread([this](const std::stop_token &stop) { keep_lease(stop); });
}

Json NodeReporter::node() const {
    const std::lock_guard lock(mutex_);
    return node_ ? *node_ : Json();
}

bool NodeReporter::heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
}

// There is one from now on.
void NodeReporter::keep(Json node) {
    const std::lock_guard lock(mutex_);
    node_ = std::make_shared<const Json>(std::move(node));
    joined_ = true;
    has_joined_.notify_all();
}

void NodeReporter::every_heartbeat(const std::stop_token &stop, const std::string &what,
                                   const std::function<Status()> &work) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::string trouble;
    while (!stop.stop_requested()) {
        const Clock::time_point next = Clock::now() + times_.heartbeat;
        const Status done = work();
        const std::string problem = done.has_value() || stop.stop_requested() ? "" : done.error().message;
        if (!problem.empty() && problem != trouble) {
            log::warning("this node's " + what + " cannot be told: " + problem + "; tried again at every heartbeat");
        } else if (problem.empty() && !trouble.empty()) {
            log::notice("the API server takes this node's " + what + " again");
        }
        trouble = problem;
        std::unique_lock lock(mutex);
        (void)wake.wait_until(lock, stop, next, [] { return false; });
    }
}

void NodeReporter::report(const std::stop_token &stop) {
    every_heartbeat(stop, "state", [&] {
        Status done = beat(stop);
        const std::lock_guard lock(mutex_);
        heard_ = done.has_value();
        return done;
    });
}

// Once there is a node to keep it for.
void NodeReporter::keep_lease(const std::stop_token &stop) {
    every_heartbeat(stop, "lease", [&]() -> Status {
        std::unique_lock lock(mutex_);
        if (!joined_) {
            lease_ = nullptr; // somebody has deleted the node, and its lease with it
        }
        if (!has_joined_.wait(lock, stop, [this] { return joined_; })) {
            return {};
        }
        lock.unlock();
        return renew_lease(node(), stop);
    });
}

Status NodeReporter::beat(const std::stop_token &stop) {
    const NodeInputs inputs = inputs_();
    Json node = TRY(find_node(inputs, stop));
    if (!joined_) {
        if (const Json missing = node_labels_patch(inputs, node); !missing.is_null() && registers_) {
            node = TRY(server_.patch(path_, missing, Patch::kStrategic, stop).within("labels of the node"));
        }
        keep(node);
        log::info("node " + name_ + " is registered at " + server_.url().authority());
    }
    const Json patch = node_status_patch(inputs, node, now_ns());
    if (node_status_differs(patch, node) || Clock::now() - reported_ >= times_.report) {
        node = TRY(server_.patch(path_ + "/status", patch, Patch::kStrategic, stop).within("status of the node"));
        reported_ = Clock::now();
    }
    keep(std::move(node));
    return {};
}

Result<Json> NodeReporter::find_node(const NodeInputs &inputs, const std::stop_token &stop) {
    Result<Json> found = server_.get(path_, stop);
    if (found.has_value() || found.error().code != ENOENT || !registers_) {
        return std::move(found).within("node " + name_);
    }
    {
        const std::lock_guard lock(mutex_);
        joined_ = false;
    }
    return create_node(inputs, stop).within("register node " + name_);
}

Result<Json> NodeReporter::create_node(const NodeInputs &inputs, const std::stop_token &stop) {
    Result<Json> created = server_.create(kNodes, new_node(inputs, now_ns()), stop);
    return !created.has_value() && created.error().code == EEXIST ? server_.get(path_, stop) : created;
}

// As it was last time, without asking; when it is another meanwhile, it is asked for.
Status NodeReporter::renew_lease(const Json &node, const std::stop_token &stop) {
    const std::string path = std::string(kLeases) + "/" + name_;
    if (!lease_.is_null()) {
        Result<Json> renewed = server_.replace(path, renewed_lease(lease_, name_, node, now_ns()), stop);
        if (renewed.has_value()) {
            lease_ = std::move(*renewed);
            return {};
        }
        lease_ = nullptr;
        if (renewed.error().code != EEXIST && renewed.error().code != ENOENT) {
            return std::unexpected(renewed.error());
        }
    }
    Result<Json> there = server_.get(path, stop);
    if (!there.has_value() && there.error().code != ENOENT) {
        return std::unexpected(there.error());
    }
    lease_ =
        there.has_value()
            ? TRY(server_.replace(path, renewed_lease(*there, name_, node, now_ns()), stop).within("renew the lease"))
            : TRY(server_.create(kLeases, renewed_lease({}, name_, node, now_ns()), stop).within("make the lease"));
    return {};
}

} // namespace ballast::agent
