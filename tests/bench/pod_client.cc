// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/pod_client.h"

#include <runtime/v1/api.pb.h>
#include <thread>

#include "tests/bench/stopwatch.h"

namespace ballast::bench {
namespace {

namespace cri = ::runtime::v1;

constexpr std::chrono::minutes kPatience{10}; // the machine may be emulated, and the pods many
constexpr std::chrono::seconds kBetweenLooks{1};
constexpr int kLooks = 120;
constexpr const char *kLogs = "/var/log"; // where both may write: runtimes make no directories there

cri::PodSandboxConfig sandbox_config(const std::string &name) {
    cri::PodSandboxConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_namespace_("bench");
    config.mutable_metadata()->set_uid(name);
    config.set_hostname(name);
    config.set_log_directory(kLogs);
    config.mutable_linux()->set_cgroup_parent("/bench.slice");
    config.mutable_linux()->mutable_security_context()->mutable_seccomp()->set_profile_type(
        cri::SecurityProfile::RuntimeDefault);
    return config;
}

cri::ContainerConfig container_config(const std::string &pod, const std::string &image) {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name("idle");
    config.mutable_image()->set_image(image);
    config.add_command("/payload");
    config.add_args("sleep");
    config.set_log_path(pod + ".log");
    config.mutable_linux()->mutable_security_context()->mutable_seccomp()->set_profile_type(
        cri::SecurityProfile::RuntimeDefault);
    return config;
}

} // namespace

PodClient::PodClient(const std::string &socket) : runtime_(socket, kPatience) {}

// Empty: nothing is.
Result<std::string> PodClient::missing(const std::string &image) {
    if (std::string trouble = TRY(runtime_.trouble()); !trouble.empty()) {
        return trouble;
    }
    const auto facts = TRY(runtime_.image(image));
    image_ = facts.has_value() ? facts->reference : "";
    return facts.has_value() ? "" : "there is no image " + image;
}

Status PodClient::prepare(const std::string &image) {
    std::string why;
    for (int look = 0; look < kLooks; ++look) {
        const Result<std::string> found = missing(image);
        if (found.has_value() && found->empty()) {
            return {};
        }
        why = found.has_value() ? *found : found.error().message;
        std::this_thread::sleep_for(kBetweenLooks);
    }
    return fail(ETIMEDOUT, "wait for the runtime: " + why);
}

Result<PodClient::Pod> PodClient::run(const std::string &name) {
    const cri::PodSandboxConfig sandbox = sandbox_config(name);
    const cri::ContainerConfig config = container_config(name, image_);
    Pod pod;
    Stopwatch watch;
    pod.sandbox = TRY(runtime_.run_sandbox(sandbox).within("run sandbox " + name));
    pod.times.sandbox = watch.lap();
    const std::string container =
        TRY(runtime_.create_container(pod.sandbox, config, sandbox).within("create container of " + name));
    pod.times.create = watch.lap();
    TRY(runtime_.start_container(container).within("start container of " + name));
    pod.times.start = watch.lap();
    return pod;
}

Status PodClient::remove(const Pod &pod) {
    TRY(runtime_.stop_sandbox(pod.sandbox));
    return runtime_.remove_sandbox(pod.sandbox);
}

} // namespace ballast::bench
