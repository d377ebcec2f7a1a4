// SPDX-License-Identifier: Apache-2.0
// Pods with user namespaces of their own.
#include <sys/stat.h>

#include "tests/integration/api/running_pod.h"

using namespace ballast;
using ballast::api_tests::namespace_of;
using Pod = ballast::api_tests::RunningPod;
using grpc::Code;
namespace cri = ::runtime::v1;

namespace {

constexpr std::uint32_t kFirst = 300'000, kCount = 65'536;

void map(google::protobuf::RepeatedPtrField<cri::IDMapping> &list, std::uint32_t first) {
    cri::IDMapping &one = *list.Add();
    one.set_host_id(first);
    one.set_length(kCount);
}

cri::PodSandboxConfig sandbox(const std::string &name, std::uint32_t first = kFirst) {
    cri::PodSandboxConfig config = Pod::sandbox(name);
    cri::UserNamespace &users =
        *config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->mutable_userns_options();
    users.set_mode(cri::POD);
    map(*users.mutable_uids(), first);
    map(*users.mutable_gids(), first);
    return config;
}

Code code_of(Pod &pod, const cri::PodSandboxConfig &config) {
    cri::RunPodSandboxRequest request;
    *request.mutable_config() = config;
    return pod.kubelet.ask<cri::RunPodSandboxResponse>("RuntimeService/RunPodSandbox", request).outcome.code;
}

uid_t owner_of(const std::filesystem::path &path) {
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_uid;
}

} // namespace

TEST_CASE("root of a pod with a user namespace is nobody on the host", "[api][cri][root]") {
    Pod pod;
    pod.remove_sandbox(pod.id);
    pod.pod = sandbox("mapped");
    pod.id = pod.run_pod(pod.pod);
    CHECK(pod.status(pod.id).network().ip().starts_with("10."));

    cri::ContainerConfig config = Pod::config("app", {"wait"});
    must(make_directories(pod.path("plain")));
    must(make_directories(pod.path("owned")));
    must(write_file(pod.path("owned/file"), "text"));
    for (const char *name : {"plain", "owned"}) {
        cri::Mount &mount = *config.add_mounts();
        mount.set_host_path(pod.path(name));
        mount.set_container_path(std::string("/") + name);
        if (std::string_view(name) == "owned") { // as kubelet asks for volumes
            map(*mount.mutable_uidmappings(), kFirst);
            map(*mount.mutable_gidmappings(), kFirst);
        }
    }
    const std::string id = pod.start(config);
    const int first = pod.pid_of(id), pause = pod.pid_of(pod.id);
    CHECK(namespace_of(first, "user") == namespace_of(pause, "user"));
    CHECK(namespace_of(first, "user") != namespace_of(getpid(), "user"));
    CHECK(owner_of("/proc/" + std::to_string(first)) == kFirst);
    CHECK(owner_of("/proc/" + std::to_string(pause)) >= kFirst);
    CHECK(pod.said(id, {"/inside", "cat", "/proc/self/uid_map"}).contains(std::to_string(kFirst)));

    // Its files are root's in there: those of the image, the engine's and the mapped mount's, and not the plain one's.
    CHECK(owner_of("/proc/" + std::to_string(first) + "/root/inside") == kFirst);
    CHECK(owner_of("/proc/" + std::to_string(first) + "/root/etc/hosts") == kFirst);
    CHECK(owner_of("/proc/" + std::to_string(first) + "/root/owned/file") == kFirst);
    CHECK(owner_of("/proc/" + std::to_string(first) + "/root/plain") == 0);
    CHECK(owner_of(pod.path("owned/file")) == 0);

    // A killed engine finds it again, and takes all of it back.
    pod.kill();
    pod.DaemonFixture::start();
    CHECK(pod.said(id, {"/inside", "cat", "/proc/self/uid_map"}).contains(std::to_string(kFirst)));
    pod.remove_sandbox(pod.id);
    CHECK(pod.sandboxes().empty());
    CHECK(pod.shell("grep " + pod.path("run").string() + "/containers /proc/self/mountinfo || true").empty());
}

TEST_CASE("user namespaces of pods that cannot be are refused", "[api][cri][root]") {
    Pod pod;
    const auto options = [](cri::PodSandboxConfig &config) {
        return config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    };
    cri::PodSandboxConfig config = sandbox("bad");
    options(config)->mutable_userns_options()->clear_gids();
    CHECK(code_of(pod, config) == Code::kInvalidArgument);
    config = sandbox("bad");
    options(config)->mutable_userns_options()->set_mode(cri::NODE);
    CHECK(code_of(pod, config) == Code::kInvalidArgument);
    config = sandbox("bad");
    options(config)->mutable_userns_options()->set_mode(cri::CONTAINER);
    CHECK(code_of(pod, config) == Code::kInvalidArgument);
    config = sandbox("bad", UINT32_MAX - 7); // beyond all ids
    CHECK(code_of(pod, config) == Code::kInvalidArgument);
    config = sandbox("bad");
    options(config)->mutable_userns_options()->mutable_uids(0)->set_container_id(1); // nobody is root
    CHECK(code_of(pod, config) == Code::kInvalidArgument);
    config = sandbox("bad");
    options(config)->set_network(cri::NODE);
    CHECK(code_of(pod, config) == Code::kInvalidArgument);
    config = sandbox("bad");
    options(config)->set_pid(cri::NODE);
    CHECK(code_of(pod, config) == Code::kInvalidArgument);

    cri::ContainerConfig container = Pod::config("app", {"wait"});
    cri::Mount &mount = *container.add_mounts();
    mount.set_host_path("/tmp");
    mount.set_container_path("/tmp");
    map(*mount.mutable_uidmappings(), kFirst);
    CHECK(pod.try_create(container).outcome.code == Code::kInvalidArgument); // groups are missing
    map(*mount.mutable_gidmappings(), kFirst);
    CHECK(pod.try_create(container).outcome.code == Code::kInvalidArgument); // the pod has no user namespace
}
