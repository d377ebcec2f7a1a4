// SPDX-License-Identifier: Apache-2.0
#include "agent/config/server_config.h"

#include "agent/config/flags.h"
#include "agent/config/kubelet_config.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

const std::string kHead = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

ServerConfig parsed(const std::string &text) { return must(parse_kubelet_config(kHead + text, "f")).server; }
std::string refused(const std::string &text) { return error_of(parse_kubelet_config(kHead + text, "f")).message; }

} // namespace

TEST_CASE("whom a node answers is read as kubeadm writes it", "[agent]") {
    const ServerConfig config = parsed(R"(authentication:
  anonymous: {enabled: false}
  webhook: {cacheTTL: 0s, enabled: true}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
authorization:
  mode: Webhook
  webhook: {cacheAuthorizedTTL: 1m, cacheUnauthorizedTTL: 5s}
healthzBindAddress: 127.0.0.1
healthzPort: 10248
readOnlyPort: 0
address: "::"
port: 10251
tlsCertFile: /c
tlsPrivateKeyFile: /k
)");
    REQUIRE(config.authorities == "/etc/kubernetes/pki/ca.crt");
    REQUIRE(config.tokens);
    REQUIRE(config.token_time == 2min);
    REQUIRE(config.allowed_time == 1min);
    REQUIRE(config.refused_time == 5s);
    REQUIRE(config.address == "::");
    REQUIRE(config.port == 10251);
    REQUIRE(config.certificate == "/c");
    REQUIRE(config.key == "/k");
}

TEST_CASE("a configuration that lets everybody in is refused", "[agent]") {
    CHECK(refused("authentication: {anonymous: {enabled: true}}\n").contains("anonymous.enabled: nobody is answered"));
    CHECK(refused("readOnlyPort: 10255\n").contains("readOnlyPort: nobody is answered here without a name; want 0"));
    CHECK(refused("authorization: {mode: AlwaysAllow}\n").contains("want Webhook"));
    CHECK(refused("authorization: {mode: RBAC}\n").contains("known are Webhook"));
    CHECK(refused("tlsCertFile: /c\n").contains("want both, or neither"));
    CHECK(refused("address: localhost\n") == "f:3:10: \"address\" must be an IP address, not \"localhost\"");
    CHECK(refused("port: 0\n").contains("must be a number from 1 to 65535"));
    for (const char *flag : {"--anonymous-auth", "--anonymous-auth=true", "--authorization-mode=AlwaysAllow",
                             "--read-only-port=10255", "--tls-cert-file=/c", "--address=x"}) {
        CAPTURE(flag);
        CHECK(error_of(read_command_line({flag})).code == EINVAL);
    }
}

TEST_CASE("flags say whom a node answers, too", "[agent]") {
    const auto read = must(read_command_line({"--client-ca-file=/ca", "--anonymous-auth=false", "--read-only-port=0",
                                              "--authentication-token-webhook", "--authorization-mode=Webhook",
                                              "--authentication-token-webhook-cache-ttl=3s", "--port=10260"}));
    const ServerConfig &config = std::get<Options>(read).config.server;
    REQUIRE(config.authorities == "/ca");
    REQUIRE(config.token_time == 3s);
    REQUIRE(config.port == 10260);
}
