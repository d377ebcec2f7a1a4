// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/background.h"

#include <atomic>
#include <poll.h>
#include <thread>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

void finish_all(Background &background) {
    while (!background.idle()) {
        pollfd entry{background.finished().get(), POLLIN, 0};
        REQUIRE(poll(&entry, 1, 10'000) >= 0);
        background.finish();
    }
}

} // namespace

TEST_CASE("work runs elsewhere, and what follows runs here", "[agent]") {
    const std::unique_ptr<Background> background = must(Background::make(4));
    const std::thread::id here = std::this_thread::get_id();
    std::atomic<int> elsewhere = 0;
    int followed = 0;
    for (int i = 0; i < 100; i++) {
        background->run([&]() -> Background::After {
            elsewhere += std::this_thread::get_id() == here ? 0 : 1;
            return [&] { followed += std::this_thread::get_id() == here ? 1 : 0; };
        });
    }
    finish_all(*background);
    REQUIRE(elsewhere == 100);
    REQUIRE(followed == 100);
}

TEST_CASE("work that waits for other work gets a thread of its own", "[agent]") {
    const std::unique_ptr<Background> background = must(Background::make(2));
    std::atomic<bool> flag = false;
    background->run([&]() -> Background::After {
        flag.wait(false);
        return {};
    });
    background->run([&]() -> Background::After {
        flag = true;
        flag.notify_all();
        return {};
    });
    finish_all(*background);
    REQUIRE(flag);
}

TEST_CASE("who ends waits for what runs and drops what has not begun", "[agent]") {
    std::atomic<int> begun = 0, ended = 0;
    {
        const std::unique_ptr<Background> background = must(Background::make(1));
        for (int i = 0; i < 10; i++) {
            background->run([&]() -> Background::After {
                begun++;
                std::this_thread::yield();
                ended++;
                return {};
            });
        }
    }
    REQUIRE(begun == ended);
}
