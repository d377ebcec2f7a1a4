// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>
#include <thread>

#include "agent/cri_client/places.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

// Until `count` wait.
void until_waiting(Places &places, std::size_t count) {
    while (places.waiting() != count) {
        std::this_thread::yield();
    }
}

} // namespace

TEST_CASE("a place that is given back is the next one's; what finishes goes first", "[unit]") {
    Places places(1);
    std::string order; // only who has the place writes
    const auto work = [&](Places::Turn turn, char name) {
        const auto place = places.take(turn);
        order += name;
    };
    {
        auto first = std::make_unique<Result<Places::Place>>(places.take(Places::Turn::kBegins));
        REQUIRE(first->has_value());
        const std::jthread begins([&] { work(Places::Turn::kBegins, 'b'); });
        until_waiting(places, 1);
        const std::jthread later([&] { work(Places::Turn::kBegins, 'c'); });
        until_waiting(places, 2);
        const std::jthread finishes([&] { work(Places::Turn::kFinishes, 'f'); });
        until_waiting(places, 3);
        REQUIRE(order.empty());
        first.reset();
    }
    REQUIRE(order == "fbc");
}

TEST_CASE("as many work at once as there are places", "[unit]") {
    Places places(2);
    const auto one = places.take(Places::Turn::kBegins), two = places.take(Places::Turn::kFinishes);
    REQUIRE((one.has_value() && two.has_value()));
    std::stop_source stop;
    std::jthread third(
        [&] { REQUIRE(places.take(Places::Turn::kFinishes, stop.get_token()).error().code == ECANCELED); });
    until_waiting(places, 1);
    stop.request_stop();
    third.join();
    REQUIRE(places.waiting() == 0);
}

TEST_CASE("whoever is first and does not want any more lets the others go on", "[unit]") {
    Places places(1);
    auto held = std::make_unique<Result<Places::Place>>(places.take(Places::Turn::kBegins));
    std::stop_source stop;
    std::jthread first([&] { (void)places.take(Places::Turn::kFinishes, stop.get_token()); });
    until_waiting(places, 1);
    std::jthread second([&] { REQUIRE(places.take(Places::Turn::kBegins).has_value()); });
    until_waiting(places, 2);
    stop.request_stop();
    first.join();
    held.reset();
    second.join();
    REQUIRE(places.waiting() == 0);
}
