// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/drain.h"

#include <algorithm>
#include <map>

#include "base/http/url.h"
#include "base/log.h"
#include "base/timed_wait.h"

namespace ballast::agent {
namespace {

using Clock = std::chrono::steady_clock;

std::string full_name(const Json &pod) { return namespace_of(pod) + "/" + name_of(pod); }

std::string path_of(const Json &pod) { return "/api/v1/namespaces/" + namespace_of(pod) + "/pods/" + name_of(pod); }

// Who makes another pod where this one was; empty: nobody.
std::string controller_of(const Json &pod) {
    for (const Json &owner : json_at(pod, {"metadata", "ownerReferences"})) {
        const Json &controls = json_at(owner, {"controller"});
        if (controls.is_boolean() && controls.get<bool>()) {
            return json_text(owner, {"kind"});
        }
    }
    return "";
}

bool is_evicted(const Json &pod) {
    const std::string phase = json_text(pod, {"status", "phase"}), controller = controller_of(pod);
    return phase != "Succeeded" && phase != "Failed" && !controller.empty() && controller != "DaemonSet" &&
           controller != "Node" && json_text(pod, {"metadata", "annotations", "kubernetes.io/config.mirror"}).empty();
}

bool is_ending(const Json &pod) { return !json_text(pod, {"metadata", "deletionTimestamp"}).empty(); }

Status set_closed(ApiServer &server, const std::string &node, bool closed, const std::stop_token &stop) {
    TRY(server.patch("/api/v1/nodes/" + node, {{"spec", {{"unschedulable", closed}}}}, Patch::kStrategic, stop)
            .within(closed ? "close the node" : "open the node"));
    return {};
}

class Drain {
  public:
    Drain(ApiServer &server, const std::string &node, DrainTimes times, const std::stop_token &stop)
        : server_(server), list_("/api/v1/pods?fieldSelector=spec.nodeName%3D" + http::url_encode(node)), times_(times),
          stop_(stop) {}

    Status run(Clock::time_point end) {
        version_ = TRY(eviction_version());
        while (true) {
            const Result<bool> empty = look();
            if (empty.has_value() && *empty) {
                return {};
            }
            trouble_ = empty.has_value() ? "" : empty.error().message; // who is away now may be there again
            if (Clock::now() >= end) {
                return fail(ETIMEDOUT, still_here());
            }
            if (!wait_for(times_.look, stop_)) {
                return fail(ECANCELED, "given up");
            }
        }
    }

  private:
    // What the API server takes: "policy/v1", and "policy/v1beta1" before Kubernetes 1.22.
    Result<std::string> eviction_version() {
        const Json resources = TRY(server_.get("/api/v1", stop_));
        for (const Json &resource : json_at(resources, {"resources"})) {
            if (json_text(resource, {"name"}) == "pods/eviction") {
                return json_text(resource, {"group"}) + "/" + json_text(resource, {"version"});
            }
        }
        return fail(ENOTSUP, "the API server: it evicts no pods");
    }

    // Evicts what can be; true: nothing is left.
    Result<bool> look() {
        const Json list = TRY(server_.get(list_, stop_));
        std::map<std::string, std::string> left;
        for (const Json &pod : json_at(list, {"items"})) {
            if (is_evicted(pod)) {
                left[full_name(pod)] = is_ending(pod) ? "it is ending" : evict(pod);
            }
        }
        left_ = std::move(left);
        return left_.empty();
    }

    // How it stands.
    std::string evict(const Json &pod) {
        const auto refused = refused_.find(uid_of(pod));
        if (refused != refused_.end() && Clock::now() < refused->second.first) {
            return refused->second.second;
        }
        const Json eviction = {{"apiVersion", version_},
                               {"kind", "Eviction"},
                               {"metadata", {{"name", name_of(pod)}, {"namespace", namespace_of(pod)}}},
                               {"deleteOptions", {{"preconditions", {{"uid", uid_of(pod)}}}}}};
        const Result<Json> done = server_.create(path_of(pod) + "/eviction", eviction, stop_);
        if (done.has_value() || done.error().code == ENOENT || done.error().code == EEXIST) {
            refused_.erase(uid_of(pod));
            log::info("pod " + full_name(pod) + " is evicted");
            return "it is ending";
        }
        refused_[uid_of(pod)] = {Clock::now() + times_.retry, done.error().message};
        return done.error().message;
    }

    std::string still_here() const {
        std::string text = trouble_.empty() ? "these pods are still here:" : trouble_;
        for (const auto &[name, why] : left_) {
            text += (text.ends_with(':') ? " " : "; ") + name + " (" + why + ")";
        }
        return text;
    }

    ApiServer &server_;
    std::string list_;
    DrainTimes times_;
    const std::stop_token &stop_;
    std::string version_;
    std::string trouble_;                                                      // with the last look
    std::map<std::string, std::string> left_;                                  // why, by name
    std::map<std::string, std::pair<Clock::time_point, std::string>> refused_; // until when it is not asked, by UID
};

} // namespace

Status drain_node(ApiServer &server, const std::string &node, std::chrono::milliseconds time, DrainTimes times,
                  const std::stop_token &stop) {
    const Clock::time_point end = Clock::now() + time;
    TRY(set_closed(server, node, true, stop));
    return Drain(server, node, times, stop).run(end).within("drain " + node);
}

Status uncordon_node(ApiServer &server, const std::string &node, const std::stop_token &stop) {
    return set_closed(server, node, false, stop);
}

} // namespace ballast::agent
