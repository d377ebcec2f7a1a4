// SPDX-License-Identifier: Apache-2.0
#include "agent/api_server/watcher.h"

#include <format>
#include <poll.h>

#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

std::string object(const std::string &name, int version) {
    return std::format(R"({{"kind":"Pod","metadata":{{"name":"{}","resourceVersion":"{}"}}}})", name, version);
}
std::string list(int version, const std::string &items) {
    return std::format(R"({{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"{}"}},"items":[{}]}})",
                       version, items);
}
std::string event(const std::string &type, const std::string &what) {
    return std::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, what);
}

// Answers lists and watches one after the other, as they are written here; then stalls.
class Script {
  public:
    explicit Script(std::vector<std::pair<int, std::string>> answers)
        : answers_(std::move(answers)), server_([this](tests::Turn &turn) { answer(turn); }),
          api_({.server = must(http::parse_url(server_.url("/")))}),
          watcher_(must(Watcher::start(api_, "/api/v1/pods", "fieldSelector=spec.nodeName%3Dn",
                                       {.first_wait = 2ms, .longest_wait = 8ms, .watch = 60s}))) {}

    Change next() {
        while (changes_.empty()) {
            pollfd entry{watcher_->changed().get(), POLLIN, 0};
            constexpr int kPatience = 60'000; // of a test that would hang
            REQUIRE(poll(&entry, 1, kPatience) == 1);
            for (Change &change : watcher_->take()) {
                changes_.push_back(std::move(change));
            }
        }
        Change change = std::move(changes_.front());
        changes_.pop_front();
        return change;
    }
    std::string target(std::size_t number) const { return server_.seen().at(number).target; }

  private:
    void answer(tests::Turn &turn) {
        const std::size_t number = asked_++;
        if (number < answers_.size()) {
            turn.respond(answers_[number].first, answers_[number].second);
        } else {
            turn.stall();
        }
    }

    std::vector<std::pair<int, std::string>> answers_;
    std::atomic<std::size_t> asked_ = 0;
    tests::ScriptedServer server_;
    ApiServer api_;
    std::unique_ptr<Watcher> watcher_;
    std::deque<Change> changes_;
};

} // namespace

TEST_CASE("what is watched is listed, followed, and followed on from where a watch ended", "[agent]") {
    Script script({{200, list(5, object("a", 3))},
                   {200, event("ADDED", object("b", 6)) + event("DELETED", object("a", 7)) +
                             event("BOOKMARK", R"({"metadata":{"resourceVersion":"9"}})")},
                   {200, event("MODIFIED", object("b", 10))}});
    const Change all = script.next();
    REQUIRE(all.kind == Change::Kind::kAll);
    REQUIRE(all.objects.size() == 1);
    REQUIRE(json_text(all.objects.front(), {"apiVersion"}) == "v1");
    REQUIRE(json_text(all.objects.front(), {"kind"}) == "Pod");
    const Change added = script.next();
    REQUIRE(added.kind == Change::Kind::kStored);
    REQUIRE(name_of(added.objects.front()) == "b");
    REQUIRE(script.next().kind == Change::Kind::kGone);
    REQUIRE(script.next().kind == Change::Kind::kStored);
    REQUIRE(script.target(0) == "/api/v1/pods?fieldSelector=spec.nodeName%3Dn");
    REQUIRE(script.target(1).starts_with("/api/v1/pods?fieldSelector=spec.nodeName%3Dn&watch=1&"));
    REQUIRE(script.target(1).contains("allowWatchBookmarks=true"));
    REQUIRE(script.target(1).ends_with("&resourceVersion=5"));
    REQUIRE(script.target(2).ends_with("&resourceVersion=9"));
}

TEST_CASE("what the API server has forgotten is listed again", "[agent]") {
    Script script({{200, list(5, "")},
                   {200, event("ERROR", R"({"code":410,"message":"too old resource version"})")},
                   {200, list(20, object("c", 20))},
                   {410, R"({"message":"expired"})"},
                   {200, list(30, "")}});
    REQUIRE(script.next().objects.empty());
    REQUIRE(name_of(script.next().objects.at(0)) == "c");
    const Change last = script.next();
    REQUIRE(last.kind == Change::Kind::kAll);
    REQUIRE(last.objects.empty());
}

TEST_CASE("trouble with the API server is told and tried again", "[agent]") {
    Script script({{503, R"({"message":"starting"})"},
                   {200, list(5, "")},
                   {429, R"({"message":"busy"})"},
                   {200, event("ADDED", object("a", 6)) + "{\"type\":\"ADDED\",\"obj"},
                   {200, "no JSON\n"},
                   {200, event("ADDED", object("b", 7))}});
    const Change trouble = script.next();
    REQUIRE(trouble.kind == Change::Kind::kTrouble);
    REQUIRE(trouble.trouble == "the API server: starting");
    REQUIRE(script.next().kind == Change::Kind::kAll);
    REQUIRE(script.next().trouble == "the API server: busy");
    REQUIRE(name_of(script.next().objects.front()) == "a");
    REQUIRE(script.next().trouble.contains("cannot be read"));
    REQUIRE(name_of(script.next().objects.front()) == "b");
    REQUIRE(script.target(5).ends_with("&resourceVersion=6"));
}
