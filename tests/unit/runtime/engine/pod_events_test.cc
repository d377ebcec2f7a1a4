// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/pod_events.h"

#include <thread>

#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

void publish(PodEvents &events, const std::string &id) {
    events.publish([&id] { return PodEvent{.id = id}; });
}

} // namespace

TEST_CASE("of Docker's events four are a pod's", "[engine]") {
    CHECK(pod_event_kind("create") == PodEvent::Kind::kCreated);
    CHECK(pod_event_kind("start") == PodEvent::Kind::kStarted);
    CHECK(pod_event_kind("die") == PodEvent::Kind::kStopped);
    CHECK(pod_event_kind("destroy") == PodEvent::Kind::kDeleted);
    CHECK_FALSE(pod_event_kind("kill"));
    CHECK_FALSE(pod_event_kind("exec_create: ls"));
}

TEST_CASE("every subscriber gets what comes after it, in order", "[engine]") {
    PodEvents events;
    publish(events, "before");
    const auto one = events.subscribe();
    publish(events, "1");
    const auto two = events.subscribe();
    publish(events, "2");
    CHECK(must(one->next({}))->id == "1");
    CHECK(must(one->next({}))->id == "2");
    CHECK(must(two->next({}))->id == "2");
}

TEST_CASE("nothing is made when nobody listens", "[engine]") {
    PodEvents events;
    bool made = false;
    const auto make = [&made]() -> std::optional<PodEvent> {
        made = true;
        return std::nullopt;
    };
    events.publish(make);
    CHECK_FALSE(made);
    const auto listener = events.subscribe();
    events.publish(make);
    CHECK(made);
}

TEST_CASE("who waits is woken by an event, and by a request to stop", "[engine]") {
    PodEvents events;
    const auto listener = events.subscribe();
    std::jthread publisher([&events] { publish(events, "1"); });
    CHECK(must(listener->next({}))->id == "1");
    std::stop_source stop;
    std::jthread stopper([&stop] { stop.request_stop(); });
    CHECK(error_of(listener->next(stop.get_token())).code == ECANCELED);
    publish(events, "2");
    events.close();
    CHECK(must(listener->next({}))->id == "2");
    CHECK(error_of(listener->next({})).code == ECONNRESET);
}

TEST_CASE("who does not take events is told that some are lost, and others lose none", "[engine]") {
    PodEvents events;
    const auto slow = events.subscribe(), quick = events.subscribe();
    for (std::size_t count = 0; count <= PodEvents::kQueue; count++) {
        publish(events, std::to_string(count));
        CHECK(must(quick->next({}))->id == std::to_string(count));
    }
    CHECK(error_of(slow->next({})).code == EOVERFLOW);
    publish(events, "later");
    CHECK(error_of(slow->next({})).code == EOVERFLOW);
    CHECK(must(quick->next({}))->id == "later");
}

} // namespace ballast::engine
