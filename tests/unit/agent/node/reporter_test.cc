// SPDX-License-Identifier: Apache-2.0
#include "agent/node/reporter.h"

#include <atomic>

#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

// Keeps what is put to it, by path; 404 for what is not there.
class Store {
  public:
    void answer(tests::Turn &turn) {
        const std::lock_guard lock(mutex_);
        if (failing_) {
            turn.respond(500, R"({"message":"not now"})");
            return;
        }
        std::string path = turn.request.target;
        const Json body = Json::parse(turn.request.body, nullptr, false);
        if (turn.request.method == "POST") {
            path += "/" + name_of(body);
        }
        path = path.substr(0, path.find("/status"));
        if (turn.request.method == "POST" || turn.request.method == "PUT") {
            objects_[path] = body;
            objects_[path]["metadata"]["uid"] = "u";
        } else if (turn.request.method == "PATCH" && objects_.contains(path)) {
            objects_[path]["status"] = json_at(body, {"status"});
        }
        const bool there = objects_.contains(path);
        const std::string text = there ? objects_[path].dump() : R"({"message":"not found"})";
        turn.respond(there ? 200 : 404, text);
    }
    bool has(const std::string &path) {
        const std::lock_guard lock(mutex_);
        return objects_.contains(path);
    }
    void forget() {
        const std::lock_guard lock(mutex_);
        objects_.clear();
    }
    void fail(bool now) {
        const std::lock_guard lock(mutex_);
        failing_ = now;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, Json> objects_;
    bool failing_ = false;
};

void until(const std::function<bool()> &condition) {
    const auto end = std::chrono::steady_clock::now() + 60s; // of a test that would hang
    while (!condition()) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(2ms);
    }
}

constexpr const char *kNode = "/api/v1/nodes/n";
constexpr const char *kLease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";

} // namespace

TEST_CASE("a node registers, keeps its lease, and registers again when it was deleted", "[agent]") {
    Store store;
    tests::ScriptedServer server([&](tests::Turn &turn) { store.answer(turn); });
    ApiServer api({.server = must(http::parse_url(server.url("/")))});
    NodeReporter reporter(api, "n", true, [] { return NodeInputs{.settings = {.name = "n"}}; }, {.heartbeat = 2ms});
    until([&] { return store.has(kNode) && store.has(kLease) && reporter.heard(); });
    REQUIRE(uid_of(reporter.node()) == "u");
    const auto renewals = [&] {
        std::size_t count = 0;
        for (const tests::SeenRequest &seen : server.seen()) {
            count += seen.method == "PUT" && seen.target == kLease ? 1 : 0;
        }
        return count;
    };
    until([&] { return renewals() >= 3; });
    store.fail(true);
    until([&] { return !reporter.heard(); });
    store.forget();
    store.fail(false);
    until([&] { return store.has(kNode) && store.has(kLease) && reporter.heard(); });
}

TEST_CASE("a node that is not to register waits for whoever makes it", "[agent]") {
    Store store;
    tests::ScriptedServer server([&](tests::Turn &turn) { store.answer(turn); });
    ApiServer api({.server = must(http::parse_url(server.url("/")))});
    NodeReporter reporter(api, "n", false, [] { return NodeInputs{.settings = {.name = "n"}}; }, {.heartbeat = 2ms});
    until([&] { return server.count(kNode) >= 3; });
    REQUIRE_FALSE(store.has(kNode));
    must(api.create("/api/v1/nodes", {{"metadata", {{"name", "n"}}}}));
    until([&] { return reporter.heard() && store.has(kLease); });
}

TEST_CASE("a lease is renewed while nobody can say how the node is", "[agent]") {
    Store store;
    tests::ScriptedServer server([&](tests::Turn &turn) { store.answer(turn); });
    ApiServer api({.server = must(http::parse_url(server.url("/")))});
    std::atomic<bool> answers = true, waits = false;
    const auto inputs = [&] {
        for (int i = 0; i < 60'000 && !answers; i++) { // a container runtime that is busy
            waits = true;
            std::this_thread::sleep_for(1ms);
        }
        return NodeInputs{.settings = {.name = "n"}};
    };
    NodeReporter reporter(api, "n", true, inputs, {.heartbeat = 2ms});
    until([&] { return store.has(kLease); });
    answers = false;
    until([&] { return waits.load(); });
    const std::size_t so_far = server.seen().size();
    until([&] { return server.seen().size() >= so_far + 3; });
    for (std::size_t i = so_far + 1; i < so_far + 3; i++) { // the first may have been on its way
        CHECK(server.seen()[i].target == kLease);
    }
    answers = true;
}
