// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/signing.h"

#include <thread>

#include "tests/unit/agent/certificates/signing_api.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    SigningApi cluster;
    ApiServer server{{.server = must(http::parse_url(cluster.server.url("/")))}};
    Signing signing{.signer = "kubernetes.io/kube-apiserver-client-kubelet",
                    .usage = "client auth",
                    .identity = {.organization = "system:nodes", .common_name = "system:node:a"}};
    std::string key = must(new_key());
    SigningTimes times{.first_wait = 2ms, .longest_wait = 8ms};

    Result<std::string> ask(const std::stop_token &stop = {}) {
        return ask_for_certificate(server, signing, key, times, stop);
    }
};

} // namespace

TEST_CASE("a certificate is waited for until somebody has approved it", "[agent]") {
    Fixture fixture;
    Result<std::string> certificate = fail(EIO, "nothing");
    {
        std::jthread asking([&] { certificate = fixture.ask(); });
        const std::string name = must(signing_name(fixture.signing, fixture.key));
        while (fixture.cluster.server.count(std::string(kSigningRequests) + "/" + name) < 4) {
            std::this_thread::yield();
        }
        fixture.cluster.approve();
    }
    REQUIRE(is_certificate_for(must(certificate), fixture.signing.identity));
    REQUIRE(belong_together(*certificate, fixture.key));
    const auto requests = fixture.cluster.requests();
    REQUIRE(requests.size() == 1);
    const Json &spec = requests.begin()->second.at("spec");
    CHECK(spec.at("signerName") == "kubernetes.io/kube-apiserver-client-kubelet");
    CHECK(spec.at("usages") == Json({"digital signature", "key encipherment", "client auth"}));
}

TEST_CASE("who asks again for the same goes on with the same request", "[agent]") {
    Fixture fixture;
    fixture.times.patience = 0ms;
    const Error unanswered = error_of(fixture.ask());
    CHECK(unanswered.code == ETIMEDOUT);
    CHECK(unanswered.message.contains("kubectl certificate approve node-csr-"));
    CHECK(error_of(fixture.ask()).code == ETIMEDOUT);
    CHECK(fixture.cluster.requests().size() == 1);
    fixture.signing.identity.addresses = {"192.0.2.7"}; // another identity is another request
    CHECK(error_of(fixture.ask()).code == ETIMEDOUT);
    fixture.key = must(new_key());
    CHECK(error_of(fixture.ask()).code == ETIMEDOUT);
    CHECK(fixture.cluster.requests().size() == 3);
}

TEST_CASE("a request that is denied is over", "[agent]") {
    Fixture fixture;
    fixture.cluster.deny();
    const Error denied = error_of(fixture.ask());
    CHECK(denied.code == EKEYREJECTED);
    CHECK(denied.message.contains("it was denied: \"so it is\""));
}

TEST_CASE("a request can be given up", "[agent]") {
    Fixture fixture;
    fixture.times = {.first_wait = 1h, .longest_wait = 1h};
    std::stop_source stop;
    Result<std::string> certificate = fail(EIO, "nothing");
    {
        std::jthread asking([&] { certificate = fixture.ask(stop.get_token()); });
        while (fixture.cluster.requests().empty()) {
            std::this_thread::yield();
        }
        stop.request_stop();
    }
    CHECK(error_of(certificate).code == ECANCELED);
}
