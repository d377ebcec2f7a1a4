// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "runtime/engine/events.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

Event container_event(const std::string &action, const std::string &id = "abc") {
    return {.type = "container",
            .action = action,
            .actor = id,
            .attributes = {{"name", "web"}, {"image", "busybox"}, {"tier", "front"}},
            .time = kNever};
}

std::vector<std::string> actions(Events &bus, EventQuery query) {
    query.until = std::chrono::system_clock::now();
    const auto subscription = bus.subscribe(std::move(query));
    std::vector<std::string> result;
    while (const auto event = subscription->next({})) {
        result.push_back(event->action);
    }
    return result;
}

} // namespace

TEST_CASE("events are kept over a restart of the daemon, in order", "[engine]") {
    const TemporaryDirectory directory = scratch();
    std::vector<std::string> warnings;
    const auto file = directory.path() / "events.json";
    {
        Events bus(file, warnings);
        bus.publish(container_event("create"));
        bus.publish(container_event("start"));
    }
    must(write_file(file, must(read_file(file)) + "{\"type\":\"cont")); // killed while it wrote
    Events bus(file, warnings);
    bus.publish(container_event("die"));
    CHECK(actions(bus, {.since = Time(std::chrono::seconds(1)), .until = kNever, .filters = {}}) ==
          std::vector<std::string>{"create", "start", "die"});
    Events third(file, warnings);
    CHECK(actions(third, {.since = Time(std::chrono::seconds(1)), .until = kNever, .filters = {}}).size() == 3);
}

TEST_CASE("a history that does not read is set aside, and what of it does is kept", "[engine]") {
    const TemporaryDirectory directory = scratch();
    std::vector<std::string> warnings;
    const auto file = directory.path() / "events.json";
    {
        Events bus(file, warnings);
        bus.publish(container_event("create"));
    }
    must(write_file(file, "\x01\x02 damaged\n" + must(read_file(file))));
    Events bus(file, warnings);
    CHECK(warnings == std::vector{file.string() + ": 1 lines are no events; set aside as events.json.broken"});
    CHECK(std::filesystem::exists(file.string() + ".broken"));
    bus.publish(container_event("die"));
    CHECK(actions(bus, {.since = Time(std::chrono::seconds(1)), .until = kNever, .filters = {}}) ==
          std::vector<std::string>{"create", "die"});
}

TEST_CASE("history is bounded, in memory and on disk", "[engine]") {
    const TemporaryDirectory directory = scratch();
    std::vector<std::string> warnings;
    const auto file = directory.path() / "events.json";
    Events bus(file, warnings);
    for (std::size_t count = 0; count < 3 * Events::kHistory; count++) {
        bus.publish(container_event("start"));
    }
    CHECK(actions(bus, {.since = Time(std::chrono::seconds(1)), .until = kNever, .filters = {}}).size() ==
          Events::kHistory);
    CHECK(must(read_file(file)).size() < 2 * Events::kHistory * 250);
}

TEST_CASE("filters: values are alternatives, names add up", "[engine]") {
    const auto passes = [](const std::map<std::string, std::vector<std::string>> &filters, const Event &event) {
        return matches(event, {.since = kNever, .until = kNever, .filters = filters});
    };
    const Event start = container_event("start");
    CHECK(passes({{"event", {"stop", "start"}}}, start));
    CHECK_FALSE(passes({{"event", {"stop"}}}, start));
    CHECK(passes({{"event", {"exec_create"}}}, container_event("exec_create: ls")));
    CHECK(passes({{"container", {"web"}}}, start));
    CHECK(passes({{"container", {"ab"}}}, start));
    CHECK(passes({{"image", {"busybox"}}}, start));
    CHECK(passes({{"label", {"tier"}}}, start));
    CHECK(passes({{"label", {"tier=front"}}}, start));
    CHECK_FALSE(passes({{"label", {"tier=back"}}}, start));
    CHECK_FALSE(passes({{"type", {"image"}}, {"event", {"start"}}}, start));
    CHECK_FALSE(passes({{"secret", {"x"}}}, start));
}

TEST_CASE("a subscriber gets what comes, and ends when it is told to", "[engine]") {
    const TemporaryDirectory directory = scratch();
    std::vector<std::string> warnings;
    Events bus(directory.path() / "events.json", warnings);
    const auto subscription = bus.subscribe({.since = kNever, .until = kNever, .filters = {{"event", {"die"}}}});
    bus.publish(container_event("start"));
    std::jthread publisher([&bus] { bus.publish(container_event("die")); });
    CHECK(subscription->next({})->action == "die");
    std::stop_source stop;
    std::jthread stopper([&stop] { stop.request_stop(); });
    CHECK_FALSE(subscription->next(stop.get_token()));
}

TEST_CASE("a subscriber that takes nothing loses its oldest, and costs no more", "[engine]") {
    const TemporaryDirectory directory = scratch();
    std::vector<std::string> warnings;
    Events bus(directory.path() / "events.json", warnings);
    const auto subscription = bus.subscribe({});
    for (std::size_t count = 0; count < Events::kQueue + 10; count++) {
        bus.publish(container_event(std::to_string(count)));
    }
    CHECK(subscription->next({})->action == "10");
}

} // namespace ballast::engine
