// SPDX-License-Identifier: Apache-2.0
#include "agent/api_server/kubeconfig.h"

#include <format>

#include "base/base64.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

std::string document(const std::string &cluster, const std::string &user) {
    return std::format(R"(apiVersion: v1
kind: Config
clusters:
- name: c
  cluster: {{{}}}
users:
- name: u
  user: {{{}}}
contexts:
- name: other
  context: {{cluster: none, user: none}}
- name: here
  context: {{cluster: c, user: u, namespace: x}}
current-context: here
)",
                       cluster, user);
}

Result<ApiAccess> parsed(const std::string &cluster, const std::string &user) {
    return parse_kubeconfig(document(cluster, user), "/etc/kubernetes/kubelet.conf");
}

} // namespace

TEST_CASE("a kubeconfig says where the API server is and whose certificates it may show", "[agent]") {
    const ApiAccess access =
        must(parsed("server: 'https://10.0.0.1:6443', certificate-authority-data: " + base64("CA") +
                        ", proxy-url: 'http://proxy:3128'",
                    "token: secret"));
    REQUIRE(access.server.host == "10.0.0.1");
    REQUIRE(access.server.port == 6443);
    REQUIRE(access.tls.authorities == "CA");
    REQUIRE(access.tls.only_those);
    REQUIRE(access.tls.verify);
    REQUIRE(access.token == "secret");
    REQUIRE(access.proxy.contains("proxy:3128"));
    const ApiAccess system = must(parsed("server: 'https://api.example/prefix', insecure-skip-tls-verify: true", ""));
    REQUIRE_FALSE(system.tls.only_those);
    REQUIRE_FALSE(system.tls.verify);
    REQUIRE(system.server.target == "/prefix");
}

TEST_CASE("credentials of a kubeconfig stand in it or in files beside it", "[agent]") {
    const TemporaryDirectory directory = scratch();
    for (const char *name : {"ca", "cert", "key", "token"}) {
        must(write_file(directory.path() / name, name));
    }
    const auto file = directory.path() / "config";
    must(write_file(file, document("server: 'https://h', certificate-authority: ca",
                                   "client-certificate: cert, client-key: key, tokenFile: token")));
    const ApiAccess files = must(load_kubeconfig(file));
    REQUIRE(files.tls.authorities == "ca");
    REQUIRE(files.tls.certificate == directory.path() / "cert");
    REQUIRE(files.tls.key == directory.path() / "key");
    REQUIRE(files.token_file == directory.path() / "token");
    const ApiAccess texts = must(
        parsed("server: 'https://h'", "client-certificate-data: " + base64("C") + ", client-key-data: " + base64("K")));
    REQUIRE(texts.tls.certificate_text == "C");
    REQUIRE(texts.tls.key_text == "K");
    must(write_file(file,
                    document("server: 'https://h'", "client-certificate-data: " + base64("C") + ", client-key: key")));
    REQUIRE(must(load_kubeconfig(file)).tls.key_text == "key");
    const ApiAccess password = must(parsed("server: 'https://h'", "username: me, password: word"));
    REQUIRE(password.user == "me");
    REQUIRE(password.password == "word");
}

TEST_CASE("a kubeconfig that cannot be used is refused with its place", "[agent]") {
    const auto problem = [](const std::string &cluster, const std::string &user) {
        return error_of(parsed(cluster, user)).message;
    };
    REQUIRE(problem("server: 'ftp://h'", "").contains("kubelet.conf:5:"));
    REQUIRE(problem("server: 'https://h', certificate-authority: /nowhere/ca", "").contains("/nowhere/ca"));
    REQUIRE(problem("server: 'https://h', certificate-authority-data: '***'", "").contains("is no base64"));
    REQUIRE(problem("server: 'https://h'", "client-certificate-data: " + base64("C")).contains("belong together"));
    REQUIRE(error_of(parsed("server: 'https://h'", "exec: {command: aws}")).code == ENOTSUP);
    REQUIRE(problem("server: 'https://h'", "as: somebody").contains("\"as\" is not supported"));
    REQUIRE(problem("server: 'https://h', tls-server-name: x", "").contains("tls-server-name"));
    REQUIRE(error_of(parse_kubeconfig("kind: Pod\n", "f")).message == "f:1:7: \"kind\" must be Config, not \"Pod\"");
    REQUIRE(error_of(parse_kubeconfig("current-context: x\ncontexts: []\n", "f"))
                .message.contains("context \"x\" is not among the contexts"));
    REQUIRE(error_of(load_kubeconfig("/nowhere/config")).code == ENOENT);
}
