// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/objects.h"

#include <algorithm>

#include "base/base64.h"
#include "base/timestamp.h"
#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

constexpr std::int64_t kHour = 3'600'000'000'000;

// Answers for the paths that are asked for here.
struct Fixture {
    ballast::tests::ScriptedServer server{[this](ballast::tests::Turn &turn) { answer(turn); }};
    ApiServer api{{.server = must(http::parse_url(server.url("/")))}};
    ClusterObjects objects{api, "one", {}};
    std::atomic<std::int64_t> token_time = kHour;

    void answer(ballast::tests::Turn &turn) {
        const std::string &target = turn.request.target;
        if (target == "/api/v1/namespaces/n/configmaps/m") {
            turn.respond(200, R"({"data":{"a":"1"},"binaryData":{"b":")" + base64("\x01\x02") + R"("}})");
        } else if (target == "/api/v1/namespaces/n/secrets/s") {
            turn.respond(200, R"({"data":{"p":")" + base64("word") + R"("}})");
        } else if (target == "/api/v1/namespaces/n/secrets/late") {
            const bool early = server.count(target) < 3;
            turn.respond(early ? 403 : 200, early ? R"({"message":"no relationship found"})" : R"({"data":{}})");
        } else if (target == "/api/v1/namespaces/n/serviceaccounts/me/token") {
            turn.respond(201, R"({"status":{"token":"t)" + std::to_string(server.count(target)) +
                                  R"(","expirationTimestamp":")" + timestamp(now_ns() + token_time, Fraction::kNone) +
                                  R"("}})");
        } else if (target == "/api/v1/namespaces/n/persistentvolumeclaims/data") {
            turn.respond(200, R"({"metadata":{"uid":"c"},"spec":{"volumeName":"v"},"status":{"phase":"Bound"}})");
        } else if (target == "/api/v1/persistentvolumes/v") {
            turn.respond(200, R"({"metadata":{"name":"v"},"spec":{"claimRef":{"uid":"c"},"local":{"path":"/mnt/v"}}})");
        } else if (target == "/api/v1/nodes/one") {
            turn.respond(200, R"({"metadata":{"name":"one"}})");
        } else {
            turn.respond(404, R"({"message":"not found"})");
        }
    }
};

Change all_services(const std::string &items) {
    Change change;
    for (const Json &object : Json::parse("[" + items + "]")) {
        change.objects.push_back(object);
    }
    return change;
}

} // namespace

TEST_CASE_METHOD(Fixture, "what pods refer to is read from the API server", "[agent]") {
    REQUIRE(must(objects.data("configMap", "n", "m")) == TextMap{{"a", "1"}, {"b", "\x01\x02"}});
    REQUIRE(must(objects.data("secret", "n", "s")) == TextMap{{"p", "word"}});
    REQUIRE(must(objects.data("secret", "n", "late")).empty()); // it learns a moment later that it may
    const Error missing = error_of(objects.data("configMap", "n", "none"));
    REQUIRE(missing.code == ENOENT);
    REQUIRE(missing.message == "configmap \"none\" not found");
    REQUIRE(error_of(objects.data("secret", "n", "none")).message == "secret \"none\" not found");
}

TEST_CASE_METHOD(Fixture, "a claim is followed to the disk that it is bound to", "[agent]") {
    Pod pod;
    pod.name_space = "n";
    REQUIRE(must(objects.volume(pod, "data")).place.path == "/mnt/v");
    REQUIRE(error_of(objects.volume(pod, "none")).message.starts_with("failed to fetch PVC from API server: "));
}

TEST_CASE_METHOD(Fixture, "a token is kept until most of its time is over", "[agent]") {
    Pod pod;
    pod.name = "p";
    pod.name_space = "n";
    pod.uid = "u";
    pod.service_account = "me";
    const TokenFile file{.path = "t", .audience = "vault", .seconds = 7200};
    const std::string first = must(objects.token(pod, file));
    REQUIRE(must(objects.token(pod, file)) == first);
    const Json asked = Json::parse(server.seen().front().body);
    REQUIRE(asked["spec"]["audiences"] == Json::array({"vault"}));
    REQUIRE(asked["spec"]["expirationSeconds"] == 7200);
    REQUIRE(asked["spec"]["boundObjectRef"]["uid"] == "u");
    objects.forget("u");
    token_time = 0;
    const std::string second = must(objects.token(pod, file));
    REQUIRE(second != first);
    REQUIRE(must(objects.token(pod, file)) != second); // it is over as soon as it is there
}

TEST_CASE_METHOD(Fixture, "services are variables of the pods in their namespace", "[agent]") {
    Pod pod;
    pod.name_space = "n";
    REQUIRE_FALSE(objects.knows_services());
    objects.take({all_services(
        R"({"metadata":{"namespace":"n","name":"shop-web"},"spec":{"clusterIP":"10.96.0.9","ports":[{"name":"http","port":80,"protocol":"TCP"},{"name":"dns","port":53,"protocol":"UDP"}]}},
           {"metadata":{"namespace":"n","name":"headless"},"spec":{"clusterIP":"None","ports":[{"port":1,"protocol":"TCP"}]}},
           {"metadata":{"namespace":"other","name":"far"},"spec":{"clusterIP":"10.96.0.8","ports":[{"port":1,"protocol":"TCP"}]}},
           {"metadata":{"namespace":"default","name":"kubernetes"},"spec":{"clusterIP":"10.96.0.1","ports":[{"name":"https","port":443,"protocol":"TCP"}]}})")});
    REQUIRE(objects.knows_services());
    const Variables master = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
                              {"KUBERNETES_SERVICE_PORT", "443"},
                              {"KUBERNETES_SERVICE_PORT_HTTPS", "443"},
                              {"KUBERNETES_PORT", "tcp://10.96.0.1:443"},
                              {"KUBERNETES_PORT_443_TCP", "tcp://10.96.0.1:443"},
                              {"KUBERNETES_PORT_443_TCP_PROTO", "tcp"},
                              {"KUBERNETES_PORT_443_TCP_PORT", "443"},
                              {"KUBERNETES_PORT_443_TCP_ADDR", "10.96.0.1"}};
    const Variables all = objects.services(pod);
    REQUIRE(all.size() == master.size() + 13);
    REQUIRE(Variables(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(master.size())) == master);
    REQUIRE(std::ranges::contains(all, std::pair<std::string, std::string>("SHOP_WEB_SERVICE_PORT_DNS", "53")));
    REQUIRE(
        std::ranges::contains(all, std::pair<std::string, std::string>("SHOP_WEB_PORT_53_UDP", "udp://10.96.0.9:53")));
    pod.service_links = false;
    REQUIRE(objects.services(pod) == master);
    Change gone;
    gone.kind = Change::Kind::kGone;
    gone.objects = all_services(R"({"metadata":{"namespace":"default","name":"kubernetes"}})").objects;
    objects.take({gone});
    REQUIRE(objects.services(pod).empty());
}
