// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "tests/unit/agent/server/server_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST_CASE("a token that the API server knows opens what its user may do", "[agent]") {
    ServerFixture fixture;
    const http::ClientResponse pods = fixture.by_token("good", "/pods");
    REQUIRE(pods.head.status == 200);
    REQUIRE(Json::parse(pods.body).at("items").at(0).at("metadata").at("name") == "web");
    REQUIRE(fixture.by_token("good", "/healthz").body == "ok");
    REQUIRE(fixture.by_token("good", "/nothing").head.status == 404);
    const tests::SeenRequest review = fixture.scripted.seen().at(1);
    REQUIRE(review.target == kReviews);
    REQUIRE(Json::parse(review.body).at("spec") ==
            Json::parse(R"({"user":"alice","uid":"7","groups":["staff","system:authenticated"],"extra":{"a":["b"]},)"
                        R"("resourceAttributes":{"verb":"get","version":"v1","resource":"nodes",)"
                        R"("subresource":"pods","name":"node"}})"));
    REQUIRE(fixture.scripted.count(kTokens) == 1); // and it is not asked again
}

TEST_CASE("whoever has no name is not answered", "[agent]") {
    ServerFixture fixture;
    for (const char *target : {"/pods", "/healthz", "/containerLogs/a/b/c", "/nothing", "/"}) {
        const http::ClientResponse answer = must(fixture.client.send(fixture.request(target)));
        CHECK(answer.head.status == 401);
        CHECK(answer.body == "Unauthorized\n");
    }
    REQUIRE(fixture.scripted.seen().empty());
    REQUIRE(fixture.by_token("bad", "/pods").head.status == 401);
    REQUIRE(fixture.by_token("bad", "/pods").head.status == 401);
    REQUIRE(fixture.scripted.count(kTokens) == 1);
    REQUIRE(fixture.scripted.count(kReviews) == 0);
}

TEST_CASE("a certificate says who asks, and the API server what they may do", "[agent]") {
    ServerFixture fixture;
    REQUIRE(must(fixture.client.send(fixture.certified("/O=admins/CN=kube", "/pods"))).head.status == 200);
    const http::ClientResponse refused = must(fixture.client.send(fixture.certified("/O=others/CN=bob", "/pods")));
    REQUIRE(refused.head.status == 403);
    REQUIRE(refused.body == "Forbidden (user=bob, verb=get, resource=nodes, subresource=pods)\n");
    REQUIRE(fixture.scripted.count(kTokens) == 0);
    make_authority(fixture.directory.path(), "stranger");
    REQUIRE_FALSE(fixture.client.send(fixture.certified("/O=admins/CN=kube", "/pods", "stranger")).has_value());
}

TEST_CASE("who may read may not run anything, whatever the method", "[agent]") {
    ServerFixture fixture;
    REQUIRE(must(fixture.client.send(fixture.certified("/CN=reader", "/pods"))).head.status == 200);
    for (const char *path : {"/exec/n/web/c?command=id&output=1", "/attach/n/web/c?output=1", "/portForward/n/web"}) {
        const http::ClientResponse refused = must(fixture.client.send(fixture.certified("/CN=reader", path)));
        CHECK(refused.head.status == 403);
        CHECK(refused.body.contains("verb=create"));
    }
}

TEST_CASE("what was decided holds while the API server is away, and nothing else does", "[agent]") {
    ServerFixture fixture;
    REQUIRE(fixture.by_token("good", "/pods").head.status == 200);
    fixture.away = true;
    REQUIRE(fixture.by_token("good", "/pods").head.status == 200);
    const http::ClientResponse other = fixture.by_token("unknown", "/pods");
    REQUIRE(other.head.status == 503);
    REQUIRE(other.body.contains("whose token this is cannot be asked"));
    const http::ClientResponse more = fixture.by_token("good", "/metrics");
    REQUIRE(more.head.status == 503);
    REQUIRE(more.body.contains("what \"alice\" may do cannot be asked"));
    fixture.away = false;
    REQUIRE(fixture.by_token("unknown", "/pods").head.status == 401); // what could not be asked was not kept
}

TEST_CASE("what is decided holds no longer than it is to", "[agent]") {
    ServerFixture fixture([](ServerConfig &config) { config.token_time = config.allowed_time = 0s; });
    REQUIRE(fixture.by_token("good", "/pods").head.status == 200);
    REQUIRE(fixture.by_token("good", "/pods").head.status == 200);
    REQUIRE(fixture.scripted.count(kTokens) == 2);
    REQUIRE(fixture.scripted.count(kReviews) == 2);
}

TEST_CASE("without TLS there is a word on health and nothing else", "[agent]") {
    ServerFixture fixture;
    const auto plain = [&](const std::string &target) {
        return must(fixture.client.send(
            {.url = must(http::parse_url("http://127.0.0.1:" + std::to_string(fixture.config.health_port) + target))}));
    };
    REQUIRE(plain("/healthz").body == "ok");
    REQUIRE(plain("/pods").head.status == 404);
    REQUIRE(plain("/healthz/../pods").head.status == 404);
    REQUIRE(fixture.scripted.seen().empty());
}

TEST_CASE("wrong requests for logs and streams are told what is wrong", "[agent]") {
    ServerFixture fixture;
    const auto says = [&](const std::string &target, int status, const std::string &what) {
        CAPTURE(target);
        const http::ClientResponse answer = fixture.by_token("good", target);
        CHECK(answer.head.status == status);
        CHECK(answer.body.contains(what));
    };
    says("/containerLogs/n/web/c?tailLines=x", 422, "tailLines");
    says("/containerLogs/n/none/c", 404, "pod \"none\" does not exist");
    says("/containerLogs/n/web/none", 404, "container \"none\" not found in pod \"web\"");
    says("/containerLogs/n/web/c", 400, "container \"c\" in pod \"web\" is not available");
    says("/exec/n/web/c?command=x&output=1", 400, "want an upgrade");
    says("/portForward/n/web", 400, "want an upgrade");
}

TEST_CASE("an address that is taken is an error", "[agent]") {
    ServerFixture fixture;
    REQUIRE(error_of(fixture.start()).code == EADDRINUSE);
}

TEST_CASE("a node's own certificate is kept, and made anew when it is no good", "[agent]") {
    const TemporaryDirectory directory = scratch();
    const fs::path pki = directory.path() / "pki";
    const ServingCertificate files = must(own_certificate(pki, "node.example", {"192.0.2.1", "2001:db8::1"}));
    const std::string text =
        must(run_checked({.arguments = {"openssl", "x509", "-in", files.certificate.string(), "-noout", "-text"}}));
    CHECK(text.contains("DNS:node.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1"));
    CHECK(text.contains("TLS Web Server Authentication"));
    struct stat status{};
    REQUIRE(::stat(files.key.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const std::string before = must(read_file(files.certificate));
    must(own_certificate(pki, "node.example", {}));
    CHECK(must(read_file(files.certificate)) == before);
    must(write_file(files.key, "damaged"));
    must(own_certificate(pki, "node.example", {}));
    CHECK(must(read_file(files.certificate)) != before);
}

TEST_CASE("files that are others are read for the next client", "[agent]") {
    ServerFixture fixture;
    const fs::path pki = fixture.directory.path() / "pki";
    const auto trusts = [&](const std::string &authority) {
        http::ClientRequest asked = fixture.request("/pods");
        asked.tls = {.authorities = authority, .only_those = true};
        http::Client fresh;
        const auto answer = fresh.send(asked);
        return answer.has_value() && answer->head.status == 401;
    };
    const std::string first = must(read_file(pki / "kubelet.crt"));
    REQUIRE(trusts(first));
    const ServingCertificate other =
        must(own_certificate(fixture.directory.path() / "other", "node", {"127.0.0.1", "::1"}));
    const std::string second = must(read_file(other.certificate));

    must(replace_file(pki / "kubelet.crt", second)); // without its key it cannot be used
    CHECK(trusts(first));
    must(replace_file(pki / "kubelet.key", must(read_file(other.key)), 0600));
    CHECK(trusts(second));
    CHECK_FALSE(trusts(first));

    const http::ClientRequest admin = fixture.certified("/O=admins/CN=kube", "/pods");
    REQUIRE(must(http::Client().send(admin)).head.status == 200);
    make_authority(fixture.directory.path(), "next");
    must(replace_file(fixture.directory.path() / "ca.crt", must(read_file(fixture.directory.path() / "next.crt"))));
    CHECK_FALSE(http::Client().send(admin).has_value());
    CHECK(must(http::Client().send(fixture.certified("/O=admins/CN=kube", "/pods", "next"))).head.status == 200);

    const ServingCertificate third = must(own_certificate(fixture.directory.path() / "third", "node", {"127.0.0.1"}));
    fixture.server->use(third);
    CHECK(trusts(must(read_file(third.certificate))));
}
