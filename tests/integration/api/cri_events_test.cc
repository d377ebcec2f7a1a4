// SPDX-License-Identifier: Apache-2.0
// What happens to pods, as kubelet follows it.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/integration/api/running_pod.h"

using namespace ballast;
using Pod = ballast::api_tests::RunningPod;
namespace cri = ::runtime::v1;

namespace {

// Takes events in a thread of its own.
class Follower {
  public:
    explicit Follower(Pod &pod) : pod_(pod), thread_([this](const std::stop_token &stop) { follow(stop); }) {}

    // Whether such an event comes.
    bool saw(const std::string &id, cri::ContainerEventType type) {
        return Pod::eventually([&] { return event(id, type).has_value(); });
    }
    std::optional<cri::ContainerEventResponse> event(const std::string &id, cri::ContainerEventType type) {
        const std::scoped_lock lock(mutex_);
        const auto found = std::ranges::find_if(seen_, [&](const cri::ContainerEventResponse &event) {
            return event.container_id() == id && event.container_event_type() == type;
        });
        return found == seen_.end() ? std::nullopt : std::optional(*found);
    }
    // Until the engine knows that somebody listens.
    void wait_until_listening() {
        REQUIRE(Pod::eventually([this] {
            const std::string probe = pod_.create(Pod::config("probe", {"wait"}));
            pod_.remove_container(probe);
            const std::scoped_lock lock(mutex_);
            return !seen_.empty();
        }));
    }
    std::vector<cri::ContainerEventType> types_of(const std::string &id) {
        const std::scoped_lock lock(mutex_);
        std::vector<cri::ContainerEventType> types;
        for (const cri::ContainerEventResponse &event : seen_) {
            if (event.container_id() == id) {
                types.push_back(event.container_event_type());
            }
        }
        return types;
    }

  private:
    void follow(const std::stop_token &stop) {
        (void)pod_.kubelet.client.stream("/runtime.v1.RuntimeService/GetContainerEvents", "",
                                         [this](const std::string &bytes) {
                                             cri::ContainerEventResponse event;
                                             grpc::Outcome outcome = grpc::read_message(bytes, event);
                                             const std::scoped_lock lock(mutex_);
                                             seen_.push_back(std::move(event));
                                             return outcome;
                                         },
                                         {.stop = stop});
    }

    Pod &pod_;
    std::mutex mutex_; // of what was seen
    std::vector<cri::ContainerEventResponse> seen_;
    std::jthread thread_;
};

} // namespace

TEST_CASE("a pod's life is told, each event with all of the pod", "[api][cri][root]") {
    Pod pod;
    Follower follower(pod);
    follower.wait_until_listening();
    const std::string id = pod.start(Pod::config("app", {"exit", "3"}));
    REQUIRE(follower.saw(id, cri::CONTAINER_STOPPED_EVENT));
    const std::string other = pod.run_pod(Pod::sandbox("other"));
    REQUIRE(follower.saw(other, cri::CONTAINER_STARTED_EVENT));
    CHECK(follower.event(other, cri::CONTAINER_STARTED_EVENT)->pod_sandbox_status().state() == cri::SANDBOX_READY);
    CHECK(follower.event(other, cri::CONTAINER_STARTED_EVENT)->pod_sandbox_status().network().ip() == "10.77.0.3");

    pod.stop_sandbox(pod.id);
    REQUIRE(follower.saw(pod.id, cri::CONTAINER_STOPPED_EVENT));
    pod.remove_sandbox(pod.id);
    REQUIRE(follower.saw(pod.id, cri::CONTAINER_DELETED_EVENT));

    CHECK(follower.types_of(id) == std::vector{cri::CONTAINER_CREATED_EVENT, cri::CONTAINER_STARTED_EVENT,
                                               cri::CONTAINER_STOPPED_EVENT, cri::CONTAINER_DELETED_EVENT});
    const cri::ContainerEventResponse created = *follower.event(id, cri::CONTAINER_CREATED_EVENT);
    REQUIRE(created.containers_statuses_size() == 1);
    CHECK(created.containers_statuses(0).state() == cri::CONTAINER_CREATED);
    CHECK(created.pod_sandbox_status().metadata().uid() == "11-22");
    CHECK(created.created_at() > 0);
    const cri::ContainerEventResponse stopped = *follower.event(id, cri::CONTAINER_STOPPED_EVENT);
    REQUIRE(stopped.containers_statuses_size() == 1);
    CHECK(stopped.containers_statuses(0).state() == cri::CONTAINER_EXITED);
    CHECK(stopped.containers_statuses(0).exit_code() == 3);
    CHECK(stopped.pod_sandbox_status().state() == cri::SANDBOX_READY);
    const cri::ContainerEventResponse gone = *follower.event(pod.id, cri::CONTAINER_DELETED_EVENT);
    CHECK(gone.pod_sandbox_status().metadata().uid() == "11-22");
    CHECK(gone.pod_sandbox_status().state() == cri::SANDBOX_NOTREADY);
    CHECK(gone.containers_statuses_size() == 0);
}

TEST_CASE("who follows events does not keep the engine from ending", "[api][cri][root]") {
    Pod pod;
    Follower follower(pod);
    follower.wait_until_listening();
    pod.stop(); // in its time, with status 0
    pod.PodFixture::start();
}
