// SPDX-License-Identifier: Apache-2.0
// Images of a registry that wants a password, for pods of a real cluster.
#include <format>

#include "tests/images/registry.h"
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;
using images::Registry;

namespace {

class Private : public ClusterFixture {
  public:
    Private() : registry(must(Registry::start({.user = "tester", .password = "secret word"}))) {
        must(registry.push(layout("busybox")));
        until_cluster([&] { return get("node/node", "{.status.conditions[?(@.type=='Ready')].status}") == "True"; },
                      "the node is ready");
    }
    void secret(const std::string &name, const std::string &password) const {
        (void)plane.output_of({"create", "secret", "docker-registry", name, "--docker-server=" + registry.address(),
                               "--docker-username=tester", "--docker-password=" + password});
    }
    // Whose image is pulled each time.
    std::string pod(const std::string &name, const std::string &spec) const {
        return std::format("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {}}}\nspec:\n"
                           "  terminationGracePeriodSeconds: 1\n{}"
                           "  containers: [{{name: c, image: \"{}/busybox\", imagePullPolicy: Always, "
                           "command: [sleep, \"1000\"]}}]\n",
                           name, spec, registry.address());
    }
    bool running(const std::string &name) const { return get("pod/" + name, "{.status.phase}") == "Running"; }
    std::string waiting(const std::string &name, const std::string &member) const {
        return get("pod/" + name, "{.status.containerStatuses[0].state.waiting." + member + "}");
    }

    Registry registry;
};

} // namespace

TEST_CASE_METHOD(Private, "private images are pulled with the secrets of pods and of service accounts",
                 "[agent][.long]") {
    secret("wrong", "another word");
    secret("right", "secret word");
    const std::string pods = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: puller}\n"
                             "imagePullSecrets: [{name: right}]\n" +
                             pod("own", "  imagePullSecrets: [{name: wrong}, {name: right}]\n") +
                             pod("account", "  serviceAccountName: puller\n") + pod("nobody", "") +
                             pod("lost", "  imagePullSecrets: [{name: nowhere}]\n");
    // A service account's token is made a moment later.
    until_cluster([&] { return plane.kubectl({"apply", "-f", "-"}, pods).status == 0; }, "pods are taken");
    until_cluster([&] { return running("own"); }, "one of a pod's secrets serves");
    until_cluster([&] { return running("account"); }, "its service account's serves");
    CHECK(get("pod/account", "{.spec.imagePullSecrets[0].name}") == "right");
    until_cluster([&] { return waiting("nobody", "reason").contains("ImagePull"); }, "nobody gets nothing");
    until_cluster(
        [&] {
            return plane.output_of({"describe", "pod/lost"}).contains("Unable to retrieve some image pull secrets");
        },
        "a secret that is missing is told");
    (void)plane.output_of({"delete", "secret", "right"});
    (void)plane.output_of({"create", "secret", "docker-registry", "nowhere", "--docker-server=" + registry.address(),
                           "--docker-username=tester", "--docker-password=secret word"});
    until_cluster([&] { return running("lost"); }, "and used when it is there");
    CHECK_FALSE(agent_log().contains("secret word"));
    CHECK_FALSE(agent_log().contains("another word"));
}
