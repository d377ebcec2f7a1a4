// SPDX-License-Identifier: Apache-2.0
#include "agent/server/request.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

// A pod whose container "c" has that status.
Json pod(const char *status) {
    return {{"metadata", {{"name", "p"}}},
            {"status", {{"containerStatuses", Json::array({Json::parse(status, nullptr, false)})}}}};
}
std::string id(const char *status, bool previous = false) { return must(logged_container(pod(status), "c", previous)); }
std::string why(const char *status, bool previous = false) {
    const Error error = error_of(logged_container(pod(status), "c", previous));
    CHECK(error.code == EINVAL);
    return error.message;
}

} // namespace

TEST_CASE("the container whose log is meant is found as kubelet finds it", "[agent]") {
    constexpr const char *kRuns =
        R"({"name":"c","containerID":"x://2","state":{"running":{}},"lastState":{"terminated":{"containerID":"x://1"}}})";
    CHECK(id(kRuns) == "2");
    CHECK(id(kRuns, true) == "1");
    CHECK(id(R"({"name":"c","state":{"terminated":{"containerID":"x://3"}}})") == "3");
    CHECK(id(R"({"name":"c","state":{"waiting":{}},"lastState":{"terminated":{"containerID":"x://1"}}})") == "1");
    CHECK(why(R"({"name":"c","state":{"running":{}}})", true) ==
          "previous terminated container \"c\" in pod \"p\" not found");
    CHECK(why(R"({"name":"other"})") == "container \"c\" in pod \"p\" is not available");
    CHECK(why(R"({"name":"c","state":{"terminated":{}}})") == "container \"c\" in pod \"p\" is terminated");
    CHECK(why(R"({"name":"c","state":{"waiting":{"reason":"ErrImagePull"}}})") ==
          "container \"c\" in pod \"p\" is waiting to start: image can't be pulled");
    CHECK(why(R"({"name":"c","state":{"waiting":{"reason":"ImagePullBackOff"}}})") ==
          "container \"c\" in pod \"p\" is waiting to start: trying and failing to pull image");
    CHECK(why(R"({"name":"c","state":{"waiting":{"reason":"ContainerCreating"}}})") ==
          "container \"c\" in pod \"p\" is waiting to start: ContainerCreating");
    CHECK(why(R"({"name":"c"})") == "container \"c\" in pod \"p\" is waiting to start - no logs yet");
}
