// SPDX-License-Identifier: Apache-2.0
// Containers of pods by Kubernetes' container runtime interface.
#include <algorithm>
#include <bit>
#include <csignal>
#include <filesystem>

#include "tests/integration/api/running_pod.h"

using namespace ballast;
using ballast::api_tests::namespace_of;
using Pod = ballast::api_tests::RunningPod;
using grpc::Code;
namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

namespace {

std::string status_line(int pid, const std::string &name) {
    const std::string text = must(read_file("/proc/" + std::to_string(pid) + "/status"));
    const std::size_t at = text.find("\n" + name + ":\t") + name.size() + 3;
    return text.substr(at, text.find('\n', at) - at);
}

} // namespace

TEST_CASE("a container joins its pod, runs once, and its end is told", "[api][cri][root]") {
    Pod pod;
    cri::ContainerConfig config = Pod::config("app", {"wait"});
    (*config.mutable_labels())["app"] = "web";
    config.mutable_image()->set_user_specified_image("docker.io/library/inside:1");
    const std::string id = pod.create(config);
    CHECK(pod.container_status(id).state() == cri::CONTAINER_CREATED);
    REQUIRE(pod.try_start(id).ok());
    const cri::ContainerStatus running = pod.container_status(id);
    CHECK(running.state() == cri::CONTAINER_RUNNING);
    CHECK(running.started_at() >= running.created_at());
    CHECK(running.image().image() == "docker.io/library/inside:1");
    CHECK(running.labels().size() == 1);
    const auto info = pod.info_of(id);
    CHECK(info.at("pid") == pod.pid_of(id));
    CHECK(info.at("sandboxID") == pod.id);
    CHECK(info.at("runtimeSpec").at("process").at("args").back() == "wait");
    CHECK(running.log_path() == pod.path("logs/app/0.log"));
    CHECK(running.stop_signal() == cri::CRI_SIGTERM);

    const int first = pod.pid_of(id), pause = pod.pid_of(pod.id);
    for (const char *kind : {"net", "ipc", "uts", "pid"}) {
        CHECK(namespace_of(first, kind) == namespace_of(pause, kind));
    }
    CHECK(namespace_of(first, "mnt") != namespace_of(pause, "mnt"));
    CHECK(pod.said(id, {"/inside", "cat", "/etc/resolv.conf"}) == "nameserver 10.0.0.10\n");
    CHECK(pod.said(id, {"/inside", "cat", "/proc/sys/kernel/hostname"}) == "web\n");
    CHECK(pod.output_of({"ps", "--filter", "name=k8s_app_web_default", "--format", "{{.Names}}"}) ==
          "k8s_app_web_default_11-22_0");
    CHECK(pod.docker({"rm", "-f", id}).status != 0);

    cri::PodSandboxStatusRequest whole;
    whole.set_pod_sandbox_id(pod.id);
    const auto status = pod.kubelet.answer<cri::PodSandboxStatusResponse>("RuntimeService/PodSandboxStatus", whole);
    REQUIRE(status.containers_statuses_size() == 1);
    CHECK(status.containers_statuses(0).state() == cri::CONTAINER_RUNNING);
    cri::CheckpointContainerRequest checkpoint;
    checkpoint.set_container_id(id);
    const grpc::Outcome refused =
        pod.kubelet.ask<cri::CheckpointContainerResponse>("RuntimeService/CheckpointContainer", checkpoint).outcome;
    CHECK(refused.code == Code::kUnimplemented);
    CHECK(refused.message == "this engine makes no checkpoints of containers");

    CHECK(pod.try_start(id).code != Code::kOk);
    pod.stop_container(id, 10);
    const cri::ContainerStatus over = pod.container_status(id);
    CHECK(over.state() == cri::CONTAINER_EXITED);
    CHECK(over.exit_code() == 15); // it ends so when it is asked to
    CHECK(over.reason() == "Error");
    CHECK(over.finished_at() >= over.started_at());
    CHECK_FALSE(pod.try_start(id).ok());
    pod.stop_container(id, 0);
    pod.remove_container(id);
    pod.remove_container(id);
    pod.stop_container(id, 0);
    CHECK(pod.count([](auto &) {}) == 0);
    CHECK(fs::exists(pod.path("logs/app/0.log"))); // it is kubelet's
}

TEST_CASE("a container that cannot be started has ended, and says why", "[api][cri][root]") {
    Pod pod;
    cri::ContainerConfig config = Pod::config("none", {});
    config.add_command("/nothing");
    const std::string id = pod.create(config);
    CHECK_FALSE(pod.try_start(id).ok());
    const cri::ContainerStatus status = pod.container_status(id);
    CHECK(status.state() == cri::CONTAINER_EXITED);
    CHECK(status.exit_code() == 127);
    CHECK(status.reason() == "StartError");
    CHECK(status.message().contains("/nothing"));
    const std::string fine = pod.start(Pod::config("fine", {"exit", "0"}));
    CHECK(pod.ended(fine).reason() == "Completed");
}

TEST_CASE("a container's log has kubelet's format, and is opened again", "[api][cri][root]") {
    Pod pod;
    const std::string id = pod.start(Pod::config("app", {"count", "0"}));
    const fs::path log = pod.path("logs/app/0.log");
    REQUIRE(Pod::eventually([&] { return read_file(log).value_or("").contains(" stdout F 3\n"); }));
    fs::rename(log, pod.path("logs/app/0.log.old"));
    cri::ReopenContainerLogRequest request;
    request.set_container_id(id);
    (void)pod.kubelet.answer<cri::ReopenContainerLogResponse>("RuntimeService/ReopenContainerLog", request);
    CHECK(Pod::eventually([&] { return read_file(log).value_or("").contains(" stdout F "); }));
    CHECK(pod.docker({"logs", "--tail", "1", id}).status == 0);
    pod.stop_container(id, 0);
    CHECK(pod.kubelet.ask<cri::ReopenContainerLogResponse>("RuntimeService/ReopenContainerLog", request).outcome.code !=
          Code::kOk);
}

TEST_CASE("a container is as its security context says, and tighter than docker's without one", "[api][cri][root]") {
    Pod pod;
    const int usual = pod.pid_of(pod.start(Pod::config("usual", {"wait"})));
    CHECK(status_line(usual, "CapEff") == "00000000000005fb"); // nine
    CHECK(status_line(usual, "Seccomp") == "2");

    cri::ContainerConfig config = Pod::config("user", {"wait"});
    cri::LinuxContainerSecurityContext &context = *config.mutable_linux()->mutable_security_context();
    context.mutable_run_as_user()->set_value(1000);
    context.mutable_run_as_group()->set_value(2000);
    context.add_supplemental_groups(3000);
    context.set_no_new_privs(true);
    context.set_readonly_rootfs(true);
    context.mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
    context.mutable_capabilities()->add_drop_capabilities("ALL");
    context.mutable_capabilities()->add_add_ambient_capabilities("NET_BIND_SERVICE");
    context.mutable_namespace_options()->set_pid(cri::CONTAINER);
    context.add_masked_paths("/proc/version");
    const std::string id = pod.start(config);
    const int pid = pod.pid_of(id);
    CHECK(status_line(pid, "Uid").starts_with("1000\t"));
    CHECK(status_line(pid, "Gid").starts_with("2000\t"));
    CHECK(status_line(pid, "Groups").starts_with("2000 3000"));
    const cri::LinuxContainerUser user = pod.container_status(id).user().linux();
    CHECK(user.uid() == 1000);
    CHECK(user.gid() == 2000);
    CHECK(std::vector<std::int64_t>(user.supplemental_groups().begin(), user.supplemental_groups().end()) ==
          std::vector<std::int64_t>{2000, 3000});
    CHECK(status_line(pid, "NoNewPrivs") == "1");
    CHECK(status_line(pid, "CapAmb") == "0000000000000400");
    CHECK(status_line(pid, "CapBnd") == "0000000000000400");
    CHECK(namespace_of(pid, "pid") != namespace_of(pod.pid_of(pod.id), "pid"));
    CHECK(pod.said(id, {"/inside", "id"}) == "1000 2000\n");
    CHECK(pod.said(id, {"/inside", "cat", "/proc/version"}).empty());
    CHECK(pod.exec(id, {"/inside", "write", "/new", "x"}).response.exit_code() == 1);

    cri::ContainerConfig target = Pod::config("target", {"wait"});
    cri::NamespaceOption &options = *target.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    options.set_pid(cri::TARGET);
    options.set_target_id(id);
    const int beside = pod.pid_of(pod.start(target));
    CHECK(namespace_of(beside, "pid") == namespace_of(pid, "pid"));
    CHECK(status_line(beside, "Seccomp") == "0"); // as the interface has it where a context names no profile

    const auto last = std::stoul(must(read_file("/proc/sys/kernel/cap_last_cap")));
    if (std::popcount(std::stoull(status_line(getpid(), "CapBnd"), nullptr, 16)) != static_cast<int>(last) + 1) {
        return; // who lacks a capability can give nobody all of them
    }
    cri::ContainerConfig privileged = Pod::config("privileged", {"wait"});
    privileged.mutable_linux()->mutable_security_context()->set_privileged(true);
    privileged.mutable_linux()->mutable_security_context()->mutable_seccomp()->set_profile_type(
        cri::SecurityProfile::RuntimeDefault); // not for such
    const int all = pod.pid_of(pod.start(privileged));
    CHECK(status_line(all, "CapEff") == status_line(getpid(), "CapBnd"));
    CHECK(status_line(all, "Seccomp") == "0");
}

TEST_CASE("directories and devices of the host are in a container as it was asked for", "[api][cri][root]") {
    Pod pod;
    must(make_directories(pod.path("shared")));
    must(write_file(pod.path("shared/file"), "of the host"));
    cri::ContainerConfig config = Pod::config("app", {"wait"});
    cri::Mount &writable = *config.add_mounts(), &fixed = *config.add_mounts(), &missing = *config.add_mounts();
    writable.set_host_path(pod.path("shared").string());
    writable.set_container_path("/data");
    writable.set_propagation(cri::PROPAGATION_HOST_TO_CONTAINER);
    fixed.set_host_path(pod.path("shared").string());
    fixed.set_container_path("/fixed");
    fixed.set_readonly(true);
    fixed.set_recursive_read_only(true);
    missing.set_host_path(pod.path("made").string());
    missing.set_container_path("/made");
    cri::Device &device = *config.add_devices();
    device.set_host_path("/dev/zero");
    device.set_container_path("/dev/nought");
    device.set_permissions("rw");
    const std::string id = pod.start(config);
    CHECK(pod.said(id, {"/inside", "cat", "/data/file"}) == "of the host");
    CHECK(pod.exec(id, {"/inside", "write", "/data/new", "x"}).response.exit_code() == 0);
    CHECK(pod.exec(id, {"/inside", "write", "/fixed/other", "x"}).response.exit_code() == 1);
    CHECK(must(read_file(pod.path("shared/new"))) == "x");
    CHECK(fs::is_directory(pod.path("made")));
    CHECK(fs::is_character_file("/proc/" + std::to_string(pod.pid_of(id)) + "/root/dev/nought"));
    const cri::ContainerStatus status = pod.container_status(id);
    REQUIRE(status.mounts_size() == 3);
    CHECK(status.mounts(0).propagation() == cri::PROPAGATION_HOST_TO_CONTAINER);
    CHECK(status.mounts(1).recursive_read_only());
}

TEST_CASE("an image is mounted as a volume, read-only, and kept for it", "[api][cri][root]") {
    Pod pod;
    (void)pod.output_of({"run", "--name", "maker", "--network", "none", "inside", "write", "/new", "of the image"});
    (void)pod.output_of({"commit", "maker", "data:1"});
    (void)pod.output_of({"rm", "maker"});
    cri::ContainerConfig config = Pod::config("reader", {"wait"});
    cri::Mount &whole = *config.add_mounts(), &part = *config.add_mounts();
    whole.mutable_image()->set_image("data:1");
    whole.set_container_path("/volume");
    part.mutable_image()->set_image("data:1");
    part.set_image_sub_path("new");
    part.set_container_path("/part");
    const std::string id = pod.start(config);
    CHECK(pod.said(id, {"/inside", "cat", "/volume/new"}) == "of the image");
    CHECK(pod.said(id, {"/inside", "cat", "/part"}) == "of the image");
    CHECK(pod.exec(id, {"/inside", "write", "/volume/new", "x"}).response.exit_code() == 1);
    const auto program = pod.exec(id, {"/volume/inside", "exit", "0"});
    CAPTURE(program.outcome.message, program.response.exit_code());
    CHECK((!program.outcome.ok() || program.response.exit_code() == 126)); // what is mounted there is data
    const cri::ContainerStatus status = pod.container_status(id);
    REQUIRE(status.mounts_size() == 2);
    CHECK(status.mounts(0).image().image() == "data:1");
    CHECK(status.mounts(0).readonly());
    CHECK(status.mounts(1).image_sub_path() == "new");

    CHECK(pod.docker({"rmi", "data:1"}).status != 0); // a container has it
    pod.remove_container(id);
    CHECK_FALSE(must(read_file("/proc/self/mountinfo")).contains(id));
    (void)pod.output_of({"rmi", "data:1"});

    (void)pod.output_of({"tag", "inside", "data:1"});
    part.set_image_sub_path("../../etc");
    const std::string outside = pod.create(config);
    const grpc::Outcome refused = pod.try_start(outside);
    CHECK_FALSE(refused.ok());
    CHECK(refused.message.contains("../../etc"));
    pod.remove_container(outside);
    CHECK_FALSE(must(read_file("/proc/self/mountinfo")).contains(outside));
}

TEST_CASE("commands in a container end in time, and their output has an end", "[api][cri][root]") {
    Pod pod;
    const std::string id = pod.start(Pod::config("app", {"wait"}));
    const auto both = pod.exec(id, {"/inside", "echo", "out", "err"}).response;
    CHECK(both.stdout() == "out\n");
    CHECK(both.stderr() == "err\n");
    CHECK(pod.exec(id, {"/inside", "exit", "7"}).response.exit_code() == 7);
    CHECK(pod.exec(id, {"/inside", "wait"}, 1).outcome.code == Code::kDeadlineExceeded);
    CHECK(pod.exec(id, {"/nothing"}).outcome.code != Code::kOk);
    CHECK(pod.exec(id, {}).outcome.code == Code::kInvalidArgument);
    CHECK(pod.exec(id, {"/inside", "exit"}, -1).outcome.code == Code::kInvalidArgument);
    CHECK(pod.exec("nothing", {"/inside"}).outcome.code == Code::kNotFound);
    must(write_file(pod.path("data/containers") / id / "upper/much", std::string(20UL << 20, 'x')));
    const auto much = pod.exec(id, {"/inside", "cat", "/much"});
    REQUIRE(much.outcome.ok());
    CHECK(much.response.exit_code() == 0);
    CHECK(much.response.stdout().size() > (15UL << 20));
    CHECK(much.response.stdout().size() < (16UL << 20));
    pod.stop_container(id, 0);
    CHECK_FALSE(pod.exec(id, {"/inside", "exit"}).outcome.ok());
}

TEST_CASE("containers are listed by id, state, labels and sandbox", "[api][cri][root]") {
    Pod pod;
    cri::ContainerConfig config = Pod::config("one", {"wait"});
    (*config.mutable_labels())["tier"] = "a";
    const std::string one = pod.start(config), two = pod.create(Pod::config("two", {"wait"}));
    CHECK(pod.count([](auto &) {}) == 2);
    CHECK(pod.count([&](auto &filter) { filter.set_id(two); }) == 1);
    CHECK(pod.count([&](auto &filter) { filter.set_pod_sandbox_id(pod.id); }) == 2);
    CHECK(pod.count([](auto &filter) { filter.set_pod_sandbox_id("nothing"); }) == 0);
    CHECK(pod.count([](auto &filter) { filter.mutable_state()->set_state(cri::CONTAINER_RUNNING); }) == 1);
    CHECK(pod.count([](auto &filter) { filter.mutable_state()->set_state(cri::CONTAINER_CREATED); }) == 1);
    CHECK(pod.count([](auto &filter) { (*filter.mutable_label_selector())["tier"] = "a"; }) == 1);
    // With its sandbox everything ends, and goes.
    pod.stop_sandbox(pod.id);
    CHECK(pod.container_status(one).state() == cri::CONTAINER_EXITED);
    CHECK(pod.container_status(one).exit_code() == 137);
    CHECK_FALSE(pod.try_start(two).ok());
    CHECK_FALSE(pod.try_create(Pod::config("three", {"wait"})).outcome.ok());
    pod.remove_sandbox(pod.id);
    CHECK(pod.count([](auto &) {}) == 0);
    CHECK(fs::is_empty(pod.path("data/containers")));
}

TEST_CASE("what no container can be made of is refused, and leaves nothing", "[api][cri][root]") {
    Pod pod;
    const auto refused = [&pod](const std::function<void(cri::ContainerConfig &)> &spoil) {
        cri::ContainerConfig config = Pod::config("bad", {"wait"});
        spoil(config);
        return pod.try_create(config).outcome.code;
    };
    using Config = cri::ContainerConfig;
    const auto context = [](Config &config) -> cri::LinuxContainerSecurityContext & {
        return *config.mutable_linux()->mutable_security_context();
    };
    CHECK(refused([](Config &config) { config.clear_metadata(); }) == Code::kInvalidArgument);
    CHECK(refused([](Config &config) { config.mutable_metadata()->set_name("../x"); }) == Code::kInvalidArgument);
    CHECK(refused([](Config &config) { config.clear_image(); }) == Code::kInvalidArgument);
    CHECK(refused([](Config &config) { config.mutable_image()->set_image("nothing"); }) == Code::kNotFound);
    CHECK(refused([](Config &config) { config.set_log_path("../../outside"); }) == Code::kInvalidArgument);
    CHECK(refused([](Config &config) { config.set_log_path("/etc/log"); }) == Code::kInvalidArgument);
    CHECK(refused([](Config &config) { config.add_envs()->set_key("A=B"); }) == Code::kInvalidArgument);
    CHECK(refused([](Config &config) { config.set_stop_signal(static_cast<cri::Signal>(999)); }) ==
          Code::kInvalidArgument);
    CHECK(refused([](Config &config) { config.add_mounts()->set_container_path("data"); }) == Code::kInvalidArgument);
    CHECK(refused([](Config &config) {
              cri::Mount &mount = *config.add_mounts();
              mount.set_host_path("/tmp");
              mount.set_container_path("/tmp");
              mount.set_recursive_read_only(true); // and not read-only
          }) == Code::kInvalidArgument);
    const auto image = [](Config &config) -> cri::Mount & {
        cri::Mount &mount = *config.add_mounts();
        mount.mutable_image()->set_image("inside");
        mount.set_container_path("/volume");
        return mount;
    };
    CHECK(refused([&](Config &config) { image(config).clear_container_path(); }) == Code::kInvalidArgument);
    CHECK(refused([&](Config &config) { image(config).set_host_path("/tmp"); }) == Code::kInvalidArgument);
    CHECK(refused([&](Config &config) { image(config).mutable_image()->clear_image(); }) == Code::kInvalidArgument);
    CHECK(refused([&](Config &config) { image(config).mutable_image()->set_image("nothing"); }) == Code::kNotFound);
    CHECK(refused([](Config &config) { config.add_cdi_devices()->set_name("vendor.com/x=1"); }) ==
          Code::kUnimplemented);
    CHECK(refused([&](Config &config) { context(config).mutable_run_as_group()->set_value(1); }) ==
          Code::kInvalidArgument);
    CHECK(refused([&](Config &config) { context(config).mutable_run_as_user()->set_value(-1); }) ==
          Code::kInvalidArgument);
    CHECK(refused([&](Config &config) {
              context(config).set_supplemental_groups_policy(static_cast<cri::SupplementalGroupsPolicy>(9));
          }) == Code::kInvalidArgument);
    CHECK(refused([&](Config &config) {
              context(config).mutable_seccomp()->set_profile_type(static_cast<cri::SecurityProfile::ProfileType>(9));
          }) == Code::kInvalidArgument);
    CHECK(refused([&](Config &config) {
              context(config).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
              context(config).mutable_seccomp()->set_localhost_ref("../profile");
          }) == Code::kInvalidArgument);
    CHECK(refused([&](Config &config) { context(config).mutable_namespace_options()->set_pid(cri::TARGET); }) ==
          Code::kInvalidArgument);
    CHECK(refused([&](Config &config) { context(config).mutable_capabilities()->add_add_capabilities("NOT_ONE"); }) ==
          Code::kInvalidArgument);
    CHECK(refused([](Config &config) {
              (*config.mutable_linux()->mutable_resources()->mutable_unified())["../memory.max"] = "1";
          }) == Code::kInvalidArgument);
    CHECK(pod.count([](auto &) {}) == 0);
    CHECK_FALSE(fs::exists(pod.path("outside")));

    const std::string id = pod.create(Pod::config("twice", {"wait"}));
    CHECK(pod.try_create(Pod::config("twice", {"wait"})).outcome.code == Code::kAlreadyExists);
    CHECK(pod.try_start("").code == Code::kInvalidArgument);
    CHECK(pod.try_start(pod.id).code == Code::kNotFound); // that is a sandbox
    CHECK(pod.count([](auto &) {}) == 1);
}

TEST_CASE("containers of pods outlive the engine, and their ends are not lost", "[api][cri][root]") {
    Pod pod;
    const std::string stays = pod.start(Pod::config("stays", {"wait"})),
                      goes = pod.start(Pod::config("goes", {"wait"}));
    const int pid = pod.pid_of(stays), ended = pod.pid_of(goes);
    pod.kill();
    REQUIRE(kill(ended, SIGTERM) == 0);
    pod.DaemonFixture::start();
    CHECK(pod.container_status(stays).state() == cri::CONTAINER_RUNNING);
    CHECK(pod.pid_of(stays) == pid);
    CHECK(pod.ended(goes).exit_code() == 15);
    CHECK(pod.said(stays, {"/inside", "id"}) == "0 0\n");
    pod.remove_sandbox(pod.id);
    CHECK(pod.count([](auto &) {}) == 0);
    CHECK(pod.addresses_taken() == 0);
}
