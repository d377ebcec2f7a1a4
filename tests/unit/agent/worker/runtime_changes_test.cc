// SPDX-License-Identifier: Apache-2.0
// By way of a runtime that does what a test wants.
#include "agent/worker/runtime_changes.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <poll.h>
#include <runtime/v1/api.pb.h>

#include "agent/worker/pods.h"
#include "base/grpc/messages.h"
#include "base/grpc/server.h"
#include "base/http/listener.h"
#include "base/timestamp.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;
namespace cri = ::runtime::v1;

namespace {

const std::string kService = "/runtime.v1.RuntimeService/";

class TellingRuntime {
  public:
    TellingRuntime() { start(); }

    void start() {
        std::vector<Fd> listeners;
        listeners.push_back(must(http::listen_unix(socket(), 0600)));
        server_.emplace(must(grpc::Server::start(
            std::move(listeners),
            {{kService + "GetContainerEvents",
              grpc::streaming<cri::GetEventsRequest>(
                  [this](const cri::GetEventsRequest &, grpc::Call &call) { return tell(call); })},
             {kService + "ListContainers",
              grpc::unary<cri::ListContainersRequest>(
                  [](const cri::ListContainersRequest &, grpc::Call &) -> Result<cri::ListContainersResponse> {
                      return cri::ListContainersResponse();
                  })},
             {kService + "ListPodSandbox",
              grpc::unary<cri::ListPodSandboxRequest>(
                  [](const cri::ListPodSandboxRequest &, grpc::Call &) -> Result<cri::ListPodSandboxResponse> {
                      return cri::ListPodSandboxResponse();
                  })}})));
    }
    void end() { server_.reset(); }
    void happens(const std::string &uid) {
        const std::lock_guard lock(mutex_);
        untold_.push_back(uid);
        wake_.notify_all();
    }
    std::filesystem::path socket() const { return directory_.path() / "runtime.sock"; }

    std::atomic<bool> able = true;
    std::atomic<int> asked = 0;

  private:
    Status tell(grpc::Call &call) {
        asked++;
        if (!able) {
            return fail(ENOTSUP, "unknown method");
        }
        std::unique_lock lock(mutex_);
        while (wake_.wait(lock, call.stop(), [this] { return !untold_.empty(); })) {
            cri::ContainerEventResponse event;
            event.mutable_pod_sandbox_status()->mutable_metadata()->set_uid(untold_.front());
            untold_.pop_front();
            TRY(grpc::send_message(call, event));
        }
        return fail(ECANCELED, "nobody listens any more");
    }

    TemporaryDirectory directory_ = scratch();
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<std::string> untold_;
    std::optional<grpc::Server> server_;
};

struct Fixture {
    TellingRuntime telling;
    Runtime runtime{telling.socket(), 20s};

    // What has changed, once something has.
    static std::set<std::string> next(RuntimeChanges &changes) {
        pollfd entry{changes.changed().get(), POLLIN, 0};
        REQUIRE(poll(&entry, 1, 20'000) == 1);
        return changes.take();
    }
    static void until(const std::function<bool()> &condition) {
        for (int tries = 0; tries < 2000 && !condition(); tries++) {
            std::this_thread::sleep_for(10ms);
        }
        REQUIRE(condition());
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a runtime tells to which pods something happens", "[agent]") {
    const auto changes = must(RuntimeChanges::follow(runtime, 1ms));
    telling.happens("one");
    REQUIRE(next(*changes) == std::set<std::string>{"one"});
    REQUIRE(changes->take().empty());
    until([&] { return changes->told(); });

    telling.end();
    REQUIRE(next(*changes).contains("")); // what happens now is not told
    telling.start();
    telling.happens("two");
    std::set<std::string> seen;
    until([&] {
        seen.merge(changes->take());
        return seen.contains("two");
    });
}

TEST_CASE_METHOD(Fixture, "a runtime that was asked a moment ago may not tell yet", "[agent]") {
    const auto changes = must(RuntimeChanges::follow(runtime, 1h));
    telling.happens("one");
    REQUIRE(next(*changes) == std::set<std::string>{"one"});
    REQUIRE_FALSE(changes->told());
}

TEST_CASE_METHOD(Fixture, "a runtime that cannot tell is not asked again and again", "[agent]") {
    telling.able = false;
    const auto changes = must(RuntimeChanges::follow(runtime, 0s));
    REQUIRE(next(*changes) == std::set<std::string>{""});
    until([&] { return !changes->told(); });
    REQUIRE(telling.asked == 1);
}

TEST_CASE_METHOD(Fixture, "what a runtime tells need not be looked for", "[agent]") {
    const Options options;
    Images images(runtime, 1);
    http::Client http;
    const World world{.options = options,
                      .runtime = runtime,
                      .images = images,
                      .http = http,
                      .note = [](const Pod &, const Note &) {},
                      .note_node = [](const Note &) {}};
    const auto background = must(Background::make(4));
    Pods pods(world, *background);
    const auto look = [&](Pods::Time now) {
        pods.look(now);
        until([&] {
            background->finish();
            return pods.looked() && pods.next_look(now, true) != Pods::Time::max();
        });
        return Pods::Time(now_ns());
    };
    Pod pod;
    pod.uid = "one";
    pods.want({{.pod = pod}}, true);
    const Pods::Time now = look(Pods::Time(now_ns()));
    REQUIRE(pods.next_look(now, true) > now + 20s);
    REQUIRE(pods.next_look(now, false) <= now + 1s);

    pods.changed({"one"});
    REQUIRE(pods.next_look(now, true) < now + 1s);
    REQUIRE(pods.next_look(look(now), true) > now + 20s);
    pods.changed({}); // nothing has
    REQUIRE(pods.next_look(now, true) > now + 20s);
    pods.changed({""});
    REQUIRE(pods.next_look(now, true) < now + 1s);

    telling.end();
    pods.look(now);
    until([&] {
        background->finish();
        return !pods.trouble().empty();
    });
    REQUIRE(pods.next_look(now, true) < now + 2s); // a runtime that is away is looked for
}
