// SPDX-License-Identifier: Apache-2.0
// A node that has a token alone, in a real cluster: how it comes to its certificates, and how it keeps them.
#include <algorithm>
#include <filesystem>
#include <format>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "base/http/client.h"
#include "base/timestamp.h"
#include "tests/control_plane/bootstrap_token.h"
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;
namespace fs = std::filesystem;

namespace {

class Newcomer : public ClusterFixture {
  public:
    Newcomer() : ClusterFixture([](auto &its_plane) { return with_token(its_plane); }) {}

    static std::vector<std::string> with_token(control_plane::ControlPlane &its_plane) {
        its_plane.apply(control_plane::kBootstrapToken);
        // Nodes ask for further certificates; the first one is for an administrator to approve.
        (void)its_plane.output_of(
            {"create", "clusterrolebinding", "renew", "--group=system:nodes",
             "--clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"});
        must(write_file(its_plane.path("bootstrap.conf"),
                        std::format(R"(apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{}", certificate-authority: "{}"}}}}]
users: [{{name: u, user: {{token: abcdef.0123456789abcdef}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
)",
                                    control_plane::ControlPlane::kPort, its_plane.path("ca.crt").string())));
        return {"--bootstrap-kubeconfig", its_plane.path("bootstrap.conf").string(), "--kubeconfig",
                its_plane.path("kubelet.conf").string(), "--rotate-server-certificates"};
    }
    // Requests of that signer: names.
    std::vector<std::string> requests(const std::string &signer) const {
        std::vector<std::string> names;
        const auto all = nlohmann::json::parse(plane.output_of({"get", "csr", "-o", "json"}));
        for (const auto &item : all["items"]) {
            if (item["spec"]["signerName"] == signer) {
                names.push_back(item["metadata"]["name"]);
            }
        }
        return names;
    }
    bool ready() const { return get("node/node", "{.status.conditions[?(@.type=='Ready')].status}") == "True"; }
    std::string current() const { return read_file(path("pki/kubelet-client-current.pem")).value_or(""); }
    // Whoever trusts the cluster's authority alone.
    bool shows_certificate_of_cluster() const {
        http::Client client;
        http::ClientRequest request{.url =
                                        must(http::parse_url(std::format("https://{}:10250/healthz", kNodeAddress)))};
        request.tls.authorities = must(read_file(plane.path("ca.crt")));
        request.tls.only_those = true;
        const auto answer = client.send(request);
        return answer.has_value() && answer->head.status == 401;
    }
    // The certificate of a node that has not much time left.
    void put_old_certificate() const {
        const std::string key = path("old.key").string(), request = path("old.csr").string();
        must(run_checked(
            {.arguments = {"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                           "/O=system:nodes/CN=system:node:node", "-keyout", key, "-out", request}}));
        must(write_file(path("extensions"), "extendedKeyUsage=clientAuth\n"));
        must(run_checked({.arguments = {"openssl", "x509", "-req", "-in", request, "-CA", plane.path("ca.crt").string(),
                                        "-CAkey", plane.path("ca.key").string(), "-CAcreateserial", "-not_before",
                                        "20260101000000Z", "-not_after", openssl_time(now_ns() + kHour), "-extfile",
                                        path("extensions").string(), "-out", path("old.crt").string()}}));
        must(replace_file(path("pki/kubelet-client-current.pem"),
                          must(read_file(path("old.crt"))) + must(read_file(key)), 0600));
    }

  private:
    static constexpr std::int64_t kHour = 3600LL * 1'000'000'000;
    static std::string openssl_time(std::int64_t time) {
        std::string text = timestamp(time, Fraction::kNone);
        std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'T'; });
        return text;
    }
};

constexpr const char *kClient = "kubernetes.io/kube-apiserver-client-kubelet";
constexpr const char *kServing = "kubernetes.io/kubelet-serving";

} // namespace

TEST_CASE_METHOD(Newcomer, "a token makes a node of a machine, and the node keeps its certificates", "[agent]") {
    until_cluster([&] { return requests(kClient).size() == 1; }, "the node asks for a certificate");
    // Meanwhile it is a machine without a cluster; and it asks for the same after it was killed.
    manifest("alone", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("a", "wait"));
    until([&] { return runs("a"); }, "a static pod runs");
    kill_agent();
    start_agent();
    const std::string asked = "is asked for: " + requests(kClient).front();
    until_cluster([&] { return agent_log().find(asked) != agent_log().rfind(asked); }, "it goes on with its request");
    REQUIRE(requests(kClient).size() == 1);
    REQUIRE(get("node/node", "{.metadata.name}").empty());

    (void)plane.output_of({"certificate", "approve", requests(kClient).front()});
    until_cluster([&] { return ready(); }, "the node is ready");
    struct stat status{};
    REQUIRE(stat(plane.path("kubelet.conf").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    until_cluster([&] { return get("pod/alone-node", "{.status.phase}") == "Running"; }, "its static pod is shown");

    until_cluster([&] { return requests(kServing).size() == 1; }, "it asks for a certificate to show");
    CHECK_FALSE(shows_certificate_of_cluster());
    (void)plane.output_of({"certificate", "approve", requests(kServing).front()});
    until_cluster([&] { return shows_certificate_of_cluster(); }, "it shows what the cluster has signed");
    CHECK(plane.output_of({"get", "--raw", "/api/v1/nodes/node/proxy/healthz"}) == "ok");

    // The token has done its work. What is nearly over is renewed by itself.
    stop_agent();
    fs::remove(plane.path("bootstrap.conf"));
    put_old_certificate();
    const std::string old = current();
    start_agent();
    until_cluster([&] { return current() != old; }, "the certificate is renewed");
    REQUIRE(requests(kClient).size() == 2);
    CHECK(requests(kServing).size() == 1);
    CHECK(shows_certificate_of_cluster());
    const std::string user = "{.items[?(@.spec.username=='system:node:node')].metadata.name}";
    CHECK(std::ranges::count(plane.output_of({"get", "csr", "-o", "jsonpath=" + user}), ' ') ==
          1); // both but the first
    (void)plane.output_of({"delete", "node", "node"});
    until_cluster([&] { return ready(); }, "and the API server takes it");
}
