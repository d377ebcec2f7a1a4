// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/volume_limits.h"

#include "agent/cri_client/labels.h"
#include "agent/volumes/pod_directory.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

Volume empty_dir(const std::string &name, const char *limit, bool memory = false) {
    return {.name = name, .source = EmptyDir{.memory = memory, .limit = Quantity::parse(limit)}};
}

Pod pod_with(std::vector<Volume> volumes) {
    Pod pod;
    pod.uid = "u-1";
    pod.annotations[labels::kConfigSource] = "api";
    pod.volumes = std::move(volumes);
    return pod;
}

} // namespace

TEST_CASE("pods with a volume on disk that has a limit are looked at", "[agent]") {
    CHECK(is_limited(pod_with({empty_dir("a", "64Ki")})));
    CHECK_FALSE(is_limited(pod_with({})));
    CHECK_FALSE(is_limited(pod_with({{.name = "a", .source = EmptyDir()}})));
    CHECK_FALSE(is_limited(pod_with({empty_dir("a", "0")})));
    CHECK_FALSE(is_limited(pod_with({empty_dir("a", "64Ki", true)})));
    Pod pod = pod_with({empty_dir("a", "64Ki")});
    pod.priority = 2'000'000'000;
    CHECK_FALSE(is_limited(pod));
    pod.priority = 1'999'999'999;
    CHECK(is_limited(pod));
    pod.annotations[labels::kConfigSource] = "file";
    CHECK_FALSE(is_limited(pod));
}

TEST_CASE("a volume beyond its limit ends its pod, in kubelet's words", "[agent]") {
    const TemporaryDirectory root = scratch();
    const Pod pod = pod_with({empty_dir("small", "1Mi"), empty_dir("full", "64Ki")});
    const PodDirectory directory(root.path(), pod.uid);
    CHECK(beyond_limits({pod}, root.path(), {}).empty()); // there is nothing yet
    must(make_directories(directory.empty_dir("full") / "deep"));
    must(write_file(directory.empty_dir("full") / "deep" / "a", std::string(30UL << 10, 'x')));
    CHECK(beyond_limits({pod}, root.path(), {}).empty());
    must(write_file(directory.empty_dir("full") / "deep" / "b", std::string(60UL << 10, 'x')));
    const std::vector<Eviction> found = beyond_limits({pod}, root.path(), {});
    REQUIRE(found.size() == 1);
    CHECK(found[0].uid == "u-1");
    CHECK(found[0].why == "Usage of EmptyDir volume \"full\" exceeds the limit \"64Ki\". ");
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(beyond_limits({pod}, root.path(), stopped.get_token()).empty());
}
