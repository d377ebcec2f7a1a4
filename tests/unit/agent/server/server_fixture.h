// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>

#include "agent/server/node_server.h"
#include "base/http/client.h"
#include "base/http/listener.h"
#include "base/subprocess.h"
#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

// A node's server over real TLS, and an API server that says what a test wants it to say.
namespace ballast::agent {

inline constexpr const char *kTokens = "/apis/authentication.k8s.io/v1/tokenreviews";
inline constexpr const char *kReviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

inline std::uint16_t free_port() { return must(http::port_of(must(http::listen_tcp("127.0.0.1", 0)))); }

inline void make_certificate(const std::filesystem::path &directory, const std::string &name,
                             const std::string &subject, const std::string &authority) {
    const std::string base = (directory / name).string(), ca = (directory / authority).string();
    must(write_file(directory / "extensions", "extendedKeyUsage=clientAuth\n"));
    must(run_checked({.arguments = {"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                    "-subj", subject, "-keyout", base + ".key", "-out", base + ".csr"}}));
    must(run_checked({.arguments = {"openssl", "x509", "-req", "-in", base + ".csr", "-CA", ca + ".crt", "-CAkey",
                                    ca + ".key", "-CAcreateserial", "-days", "1", "-extfile",
                                    (directory / "extensions").string(), "-out", base + ".crt"}}));
}

inline void make_authority(const std::filesystem::path &directory, const std::string &name) {
    must(run_checked(
        {.arguments = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                       "-days", "2", "-subj", "/CN=" + name, "-keyout", (directory / (name + ".key")).string(), "-out",
                       (directory / (name + ".crt")).string()}}));
}

// Alice's token is "good"; she and the group "admins" may do everything, and "reader" may get.
struct ServerFixture {
    TemporaryDirectory directory = scratch();
    std::atomic<bool> away = false;
    tests::ScriptedServer scripted{[this](tests::Turn &turn) { answer(turn); }};
    ApiServer api{{.server = must(http::parse_url(scripted.url("/")))}};
    ServerConfig config = settings();
    Runtime runtime{directory.path() / "cri.sock", std::chrono::seconds(20)};
    std::unique_ptr<NodeServer> server;
    ShownPod shown{
        .object = {{"metadata", {{"name", "web"}}}, {"spec", {{"containers", Json::array({{{"name", "c"}}})}}}},
        .observed = {}};
    http::Client client;
    int certificates = 0; // made

    explicit ServerFixture(const std::function<void(ServerConfig &)> &change = [](ServerConfig &) {}) {
        make_authority(directory.path(), "ca");
        change(config);
        server = must(start());
    }
    Result<std::unique_ptr<NodeServer>> start() {
        const ServingCertificate certificate =
            must(own_certificate(directory.path() / "pki", "node", {"127.0.0.1", "::1"}));
        return NodeServer::start(
            config, "node", certificate, api,
            {.runtime = runtime,
             .pods = {.pods = []() -> Result<std::vector<Json>> {
                          return std::vector<Json>{{{"metadata", {{"name", "web"}}}}};
                      },
                      .pod = [this](const auto &, const std::string &name, const auto &) -> Result<ShownPod> {
                          if (name != "web") {
                              return fail(ENOENT, "pod \"" + name + "\" does not exist");
                          }
                          return shown;
                      }},
             .healthy = [] { return Status(); },
             .pod_logs = directory.path(),
             .node_name = "node",
             .node_usage = [] { return NodeUsage(); }});
    }
    ServerConfig settings() const {
        return {.address = "127.0.0.1",
                .port = free_port(),
                .health_port = free_port(),
                .authorities = (directory.path() / "ca.crt").string()};
    }
    void answer(tests::Turn &turn) const {
        const Json asked = Json::parse(turn.request.body, nullptr, false);
        if (away) {
            turn.respond(503, "away");
        } else if (turn.request.target == kTokens && json_text(asked, {"spec", "token"}) == "good") {
            turn.respond(201, R"({"status":{"authenticated":true,"user":{"username":"alice","uid":"7",)"
                              R"("groups":["staff"],"extra":{"a":["b"]}}}})");
        } else if (turn.request.target == kTokens) {
            turn.respond(201, R"({"status":{"error":"no such token"}})");
        } else {
            const std::string user = json_text(asked, {"spec", "user"});
            const bool admin = json_body(json_at(asked, {"spec", "groups"})).contains("\"admins\"");
            const bool gets = user == "reader" && json_text(asked, {"spec", "resourceAttributes", "verb"}) == "get";
            turn.respond(201, user == "alice" || admin || gets ? R"({"status":{"allowed":true}})"
                                                               : R"({"status":{"allowed":false}})");
        }
    }

    http::ClientRequest request(const std::string &target) const {
        http::ClientRequest request{
            .url = must(http::parse_url("https://127.0.0.1:" + std::to_string(server->port()) + target))};
        request.tls.verify = false;
        return request;
    }
    http::ClientResponse by_token(const std::string &token, const std::string &target) {
        http::ClientRequest asked = request(target);
        asked.headers = {{"Authorization", "Bearer " + token}};
        return must(client.send(asked));
    }
    http::ClientRequest certified(const std::string &subject, const std::string &target,
                                  const std::string &authority = "ca") {
        const std::string file = "client" + std::to_string(++certificates); // kept connections go by files' names
        make_certificate(directory.path(), file, subject, authority);
        http::ClientRequest asked = request(target);
        asked.tls.certificate = directory.path() / (file + ".crt");
        asked.tls.key = directory.path() / (file + ".key");
        return asked;
    }
};

} // namespace ballast::agent
