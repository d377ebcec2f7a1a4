// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/drain.h"

#include <map>
#include <mutex>
#include <thread>

#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

// An API server with pods, and a budget that lets none of them go while it is closed.
class EvictingApi {
  public:
    void add(const std::string &name, const std::string &controller, const std::string &more = "{}") {
        const std::lock_guard lock(mutex_);
        Json pod = {{"metadata", {{"name", name}, {"namespace", "n"}, {"uid", name}}}};
        if (!controller.empty()) {
            pod["metadata"]["ownerReferences"] = Json::array({Json{{"kind", controller}, {"controller", true}}});
        }
        pod.merge_patch(Json::parse(more));
        pods_[name] = pod;
    }
    std::vector<std::string> names() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> names;
        for (const auto &[name, pod] : pods_) {
            names.push_back(name);
        }
        return names;
    }
    void close_budget(bool closed) {
        const std::lock_guard lock(mutex_);
        closed_ = closed;
    }
    Json node() const {
        const std::lock_guard lock(mutex_);
        return node_;
    }
    std::vector<Json> evictions() const {
        const std::lock_guard lock(mutex_);
        return evictions_;
    }

  private:
    void answer(tests::Turn &turn) {
        const std::lock_guard lock(mutex_);
        const std::string path = turn.request.target.substr(0, turn.request.target.find('?'));
        const Json body = Json::parse(turn.request.body, nullptr, false);
        if (path == "/api/v1/nodes/a") {
            node_.merge_patch(body);
            turn.respond(200, node_.dump());
        } else if (path == "/api/v1") {
            turn.respond(200, R"({"resources":[{"name":"pods"},)"
                              R"({"name":"pods/eviction","group":"policy","version":"v1beta1","kind":"Eviction"}]})");
        } else if (path == "/api/v1/pods") {
            Json list = {{"items", Json::array()}};
            for (const auto &[name, pod] : pods_) {
                list["items"].push_back(pod);
            }
            turn.respond(200, list.dump());
        } else {
            evict(turn, body);
        }
    }
    void evict(tests::Turn &turn, const Json &body) {
        evictions_.push_back(body);
        if (closed_) {
            turn.respond(429, R"({"message":"Cannot evict pod as it would violate the pod's disruption budget."})");
            return;
        }
        pods_.erase(name_of(body));
        turn.respond(201, "{}");
    }

    mutable std::mutex mutex_; // over what follows
    std::map<std::string, Json> pods_;
    std::vector<Json> evictions_;
    Json node_ = Json::object();
    bool closed_ = false;

  public:
    tests::ScriptedServer server{[this](tests::Turn &turn) { answer(turn); }}; // last: it ends first
};

struct Fixture {
    EvictingApi pods;
    ApiServer api{{.server = must(http::parse_url(pods.server.url("/")))}};
    Status drain(std::chrono::milliseconds time, const std::stop_token &stop = {}) {
        return drain_node(api, "a", time, {.look = 1ms, .retry = 1ms}, stop);
    }
};

} // namespace

TEST_CASE("pods are evicted, but for those that belong here", "[agent]") {
    Fixture fixture;
    fixture.pods.add("web", "ReplicaSet");
    fixture.pods.add("every", "DaemonSet");
    fixture.pods.add("mirror", "Node", R"({"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}}})");
    fixture.pods.add("alone", "");
    fixture.pods.add("done", "Job", R"({"status":{"phase":"Succeeded"}})");
    must(fixture.drain(60s));
    CHECK(fixture.pods.names() == std::vector<std::string>{"alone", "done", "every", "mirror"});
    CHECK(fixture.pods.node() == Json::parse(R"({"spec":{"unschedulable":true}})"));
    REQUIRE(fixture.pods.evictions().size() == 1);
    CHECK(fixture.pods.evictions().front() ==
          Json::parse(R"({"apiVersion":"policy/v1beta1","kind":"Eviction","metadata":{"name":"web","namespace":"n"},)"
                      R"("deleteOptions":{"preconditions":{"uid":"web"}}})"));
    must(uncordon_node(fixture.api, "a", {}));
    CHECK(fixture.pods.node() == Json::parse(R"({"spec":{"unschedulable":false}})"));
}

TEST_CASE("a budget that says no is asked again", "[agent]") {
    Fixture fixture;
    fixture.pods.add("web", "ReplicaSet");
    fixture.pods.close_budget(true);
    Status done = fail(EIO, "nothing");
    {
        std::jthread draining([&] { done = fixture.drain(60s); });
        while (fixture.pods.evictions().size() < 3) {
            std::this_thread::yield();
        }
        fixture.pods.close_budget(false);
    }
    must(done);
    CHECK(fixture.pods.names().empty());
}

TEST_CASE("what is still there in the end is named, with the reason", "[agent]") {
    Fixture fixture;
    fixture.pods.add("web", "ReplicaSet");
    fixture.pods.add("slow", "StatefulSet", R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})");
    fixture.pods.close_budget(true);
    const Status late = fixture.drain(0ms);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ETIMEDOUT);
    CHECK(late.error().message == "drain a: these pods are still here: n/slow (it is ending); n/web (the API server: "
                                  "Cannot evict pod as it would violate the pod's disruption budget.)");
    CHECK(fixture.pods.node() == Json::parse(R"({"spec":{"unschedulable":true}})")); // it stays closed
    std::stop_source stop;
    stop.request_stop();
    CHECK_FALSE(fixture.drain(60s, stop.get_token()).has_value());
}
