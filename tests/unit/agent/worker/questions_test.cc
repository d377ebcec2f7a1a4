// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/questions.h"

#include <atomic>
#include <poll.h>
#include <thread>
#include <vector>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

TEST_CASE("what others ask is answered in the owner's thread", "[agent]") {
    const std::unique_ptr<Questions> questions = must(Questions::make());
    const std::thread::id here = std::this_thread::get_id();
    std::atomic<int> answered = 0;
    int asked = 0; // by one thread alone
    std::vector<std::jthread> others;
    for (int i = 0; i < 20; i++) {
        others.emplace_back([&] {
            const Status done = questions->ask([&] { asked += std::this_thread::get_id() == here ? 1 : 0; }, 20s);
            answered += done.has_value() ? 1 : 0;
        });
    }
    while (answered < 20) {
        pollfd entry{questions->asked().get(), POLLIN, 0};
        REQUIRE(poll(&entry, 1, 20) >= 0);
        questions->answer();
    }
    REQUIRE(asked == 20);
}

TEST_CASE("who is not answered in time is told, and asks in vain no more", "[agent]") {
    const std::unique_ptr<Questions> questions = must(Questions::make());
    bool ran = false;
    std::jthread([&] { CHECK(error_of(questions->ask([&] { ran = true; }, 1ms)).code == ETIMEDOUT); }).join();
    questions->answer();
    REQUIRE_FALSE(ran);
    std::jthread waiting([&] { CHECK(error_of(questions->ask([] {}, 20s)).code == ECANCELED); });
    pollfd entry{questions->asked().get(), POLLIN, 0};
    REQUIRE(poll(&entry, 1, 20'000) == 1);
    questions->close();
    waiting.join();
    REQUIRE(error_of(questions->ask([] {}, 20s)).code == ECANCELED);
}
