// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/container_config.h"

#include <runtime/v1/api.pb.h>

#include "agent/cri_client/labels.h"
#include "agent/pods/sandbox_config.h"
#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using namespace ballast::agent::tests;

namespace cri = ::runtime::v1;

namespace {

cri::ContainerConfig config_of(const Pod &pod, const ContainerInputs &inputs = {}) {
    return must(container_config(pod, pod.containers[0], inputs));
}
std::string refused(const Pod &pod, const ImageUser &user) {
    ContainerInputs inputs;
    inputs.image_user = user;
    return error_of(container_config(pod, pod.containers[0], inputs)).message;
}

} // namespace

TEST_CASE("a container carries kubelet's labels and annotations", "[agent]") {
    const Pod pod = pod_of("  terminationGracePeriodSeconds: 7\n  containers: [{name: a, image: i, ports: [{name: "
                           "http, containerPort: 80}], "
                           "lifecycle: {preStop: {exec: {command: [bye]}}}}]\n");
    ContainerInputs inputs{
        .attempt = 3, .image = "sha256:1", .image_user = {}, .environment = {{"N", "v"}}, .mounts = {}, .kernel = {}};
    const cri::ContainerConfig config = config_of(pod, inputs);
    REQUIRE(config.metadata().name() == "a");
    REQUIRE(config.metadata().attempt() == 3);
    REQUIRE(config.image().image() == "sha256:1");
    REQUIRE(config.image().user_specified_image() == "i");
    REQUIRE(config.log_path() == "a/3.log");
    REQUIRE(config.labels().at(labels::kPodUid) == "u-1");
    REQUIRE(config.labels().at(labels::kContainerName) == "a");
    REQUIRE(config.annotations().at(labels::kRestartCount) == "3");
    REQUIRE(config.annotations().at(labels::kPodGrace) == "7");
    REQUIRE(config.annotations().at(labels::kPreStop) == R"({"exec":{"command":["bye"]}})");
    REQUIRE(config.annotations().at(labels::kPorts) == R"([{"containerPort":80,"name":"http","protocol":"TCP"}])");
    REQUIRE(config.envs(0).key() == "N");
    REQUIRE_FALSE(config.annotations().contains(labels::kRestartWait));
    inputs.restart_wait = std::chrono::seconds(10);
    REQUIRE(config_of(pod, inputs).annotations().at(labels::kRestartWait) == "10000000000");
}

TEST_CASE("an ephemeral container sees the processes of its target", "[agent]") {
    const std::string spec = "  containers: [{name: a, image: i}]\n  ephemeralContainers: [{name: e, image: i, "
                             "targetContainerName: a}]\n";
    const auto namespaces = [](const Pod &pod) {
        ContainerInputs inputs;
        inputs.target = "id of a";
        return must(container_config(pod, pod.ephemeral_containers[0], inputs))
            .linux()
            .security_context()
            .namespace_options();
    };
    const Pod pod = pod_of(spec);
    REQUIRE(pod.ephemeral_containers[0].target == "a");
    REQUIRE(find_container(pod, "e") == &pod.ephemeral_containers[0]);
    REQUIRE(namespaces(pod).pid() == cri::TARGET);
    REQUIRE(namespaces(pod).target_id() == "id of a");
    REQUIRE(namespaces(pod_of(spec + "  shareProcessNamespace: true\n")).pid() == cri::POD);
    REQUIRE(config_of(pod).linux().security_context().namespace_options().pid() == cri::CONTAINER);
}

TEST_CASE("commands and arguments refer to variables", "[agent]") {
    ContainerInputs inputs;
    inputs.environment = {{"N", "v"}};
    const cri::ContainerConfig config =
        config_of(pod_of("  containers: [{name: a, image: i, command: [run, $(N)], args: [$(M), $$(N)]}]\n"), inputs);
    REQUIRE(config.command(1) == "v");
    REQUIRE(config.args(0) == "$(M)");
    REQUIRE(config.args(1) == "$(N)");
}

TEST_CASE("a container's security is its own before its pod's", "[agent]") {
    const Pod pod = pod_of(
        R"(  securityContext: {runAsUser: 10, runAsGroup: 20, fsGroup: 30, supplementalGroups: [40], seccompProfile: {type: RuntimeDefault}}
  shareProcessNamespace: true
  containers:
  - name: a
    image: i
    securityContext: {runAsUser: 11, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {add: [NET_ADMIN], drop: [ALL]}, seccompProfile: {type: Localhost, localhostProfile: p.json}}
)");
    const auto security = config_of(pod).linux().security_context();
    REQUIRE(security.run_as_user().value() == 11);
    REQUIRE(security.run_as_group().value() == 20);
    REQUIRE(security.supplemental_groups_size() == 2);
    REQUIRE(security.no_new_privs());
    REQUIRE(security.readonly_rootfs());
    REQUIRE(security.capabilities().add_capabilities(0) == "NET_ADMIN");
    REQUIRE(security.capabilities().drop_capabilities(0) == "ALL");
    REQUIRE(security.namespace_options().pid() == cri::POD);
    REQUIRE(security.namespace_options().network() == cri::POD);
    REQUIRE(security.seccomp().localhost_ref() == "/var/lib/kubelet/seccomp/p.json");
    REQUIRE_FALSE(security.has_apparmor()); // nobody has said anything of it: a runtime without it must not refuse
    REQUIRE(security.masked_paths_size() > 0);
}

TEST_CASE("an AppArmor profile is asked for where the pod has one", "[agent]") {
    const auto of = [](const std::string &profile) {
        return config_of(
                   pod_of("  containers: [{name: a, image: i, securityContext: {appArmorProfile: " + profile + "}}]\n"))
            .linux()
            .security_context()
            .apparmor();
    };
    REQUIRE(of("{type: Localhost, localhostProfile: p}").localhost_ref() == "p");
    REQUIRE(of("{type: Unconfined}").profile_type() == cri::SecurityProfile::Unconfined);
    REQUIRE(of("{type: RuntimeDefault}").profile_type() == cri::SecurityProfile::RuntimeDefault);
}

TEST_CASE("a privileged container has nothing masked", "[agent]") {
    const auto security =
        config_of(pod_of("  containers: [{name: a, image: i, securityContext: {privileged: true}}]\n"))
            .linux()
            .security_context();
    REQUIRE(security.privileged());
    REQUIRE(security.masked_paths_size() == 0);
    REQUIRE(security.seccomp().profile_type() == cri::SecurityProfile::Unconfined);
}

TEST_CASE("who must not run as root is not started as root", "[agent]") {
    const Pod pod = pod_of("  containers: [{name: a, image: i, securityContext: {runAsNonRoot: true}}]\n");
    REQUIRE(refused(pod, {}) ==
            "container has runAsNonRoot and image will run as root (pod: \"web_default(u-1)\", container: a)");
    REQUIRE(refused(pod, {.number = 0, .name = {}}).contains("image will run as root"));
    REQUIRE(refused(pod, {.number = {}, .name = "www"}).contains("image has non-numeric user (www)"));
    ContainerInputs inputs;
    inputs.image_user.number = 5;
    REQUIRE(config_of(pod, inputs).linux().security_context().run_as_user().value() == 5);
    REQUIRE(
        refused(pod_of("  containers: [{name: a, image: i, securityContext: {runAsNonRoot: true, runAsUser: 0}}]\n"),
                {})
            .contains("breaks non-root policy"));
}

TEST_CASE("a profile's path leads nowhere else", "[agent]") {
    for (const char *path : {"../x", "/etc/x", ""}) {
        const Pod pod = pod_of(std::string("  containers: [{name: a, image: i, securityContext: {seccompProfile: "
                                           "{type: Localhost, localhostProfile: \"") +
                               path + "\"}}}]\n");
        REQUIRE(refused(pod, {}).contains("seccompProfile: want"));
    }
}

TEST_CASE("a sandbox is what its pod says", "[agent]") {
    const Pod pod = pod_of("  hostPID: true\n  securityContext: {sysctls: [{name: kernel/shm_rmid_forced, value: "
                           "'1'}]}\n  containers: [{name: a, image: i, ports: [{containerPort: 80, hostPort: "
                           "8080, protocol: UDP}, {containerPort: 81}]}]\n");
    const cri::PodSandboxConfig config =
        must(sandbox_config(pod, {.attempt = 2,
                                  .hostname = "h",
                                  .dns = {.servers = {"1.1.1.1"}, .searches = {}, .options = {}},
                                  .log_directory = "/l",
                                  .cgroup_parent = "p.slice"}));
    REQUIRE(config.metadata().attempt() == 2);
    REQUIRE(config.hostname() == "h");
    REQUIRE(config.labels().at("app") == "shop");
    REQUIRE(config.labels().at(labels::kPodName) == "web");
    REQUIRE(config.port_mappings_size() == 1);
    REQUIRE(config.port_mappings(0).protocol() == cri::UDP);
    REQUIRE(config.linux().cgroup_parent() == "p.slice");
    REQUIRE(config.linux().security_context().namespace_options().pid() == cri::NODE);
    REQUIRE(config.linux().sysctls().at("kernel.shm_rmid_forced") == "1");
    REQUIRE(config.dns_config().servers(0) == "1.1.1.1");
    REQUIRE(log_directory_name(pod) == "default_web_u-1");
}

TEST_CASE("actions are written as they are read", "[agent]") {
    for (
        const char *action :
        {R"({"exec":{"command":["a","b"]}})", R"({"sleep":{"seconds":3}})",
         R"({"tcpSocket":{"host":"h","port":"name"}})",
         R"({"httpGet":{"host":"","httpHeaders":[{"name":"A","value":"b"}],"path":"/x","port":80,"scheme":"HTTPS"}})"}) {
        const Pod pod =
            pod_of(std::string("  containers: [{name: a, image: i, lifecycle: {preStop: ") + action + "}}]\n");
        REQUIRE(action_json(*pod.containers[0].pre_stop) == action);
    }
}
