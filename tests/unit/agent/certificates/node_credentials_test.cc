// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/node_credentials.h"

#include <condition_variable>
#include <format>
#include <sys/stat.h>

#include "base/timestamp.h"
#include "tests/unit/agent/certificates/signing_api.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto kPatience = 60s; // of a test that would hang

struct Fixture {
    SigningApi cluster;
    fs::path directory = cluster.directory.path();
    NodeCredentials::Settings settings{
        .kubeconfig = directory / "etc/kubelet.conf",
        .bootstrap = directory / "bootstrap.conf",
        .certificates = directory / "pki",
        .node_name = "a",
        .renews = true,
        .times = {.signing = {.first_wait = 2ms, .longest_wait = 4ms}, .first_retry = 2ms, .longest_retry = 4ms}};
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<ApiAccess> taken;

    Fixture() { bootstrap("abcdef.0123456789abcdef"); }

    void bootstrap(const std::string &token) const {
        must(write_file(settings.bootstrap, document("{token: \"" + token + "\"}")));
    }
    std::string document(const std::string &user) const {
        return std::format("apiVersion: v1\nkind: Config\ncurrent-context: x\n"
                           "clusters: [{{name: c, cluster: {{server: \"{}\", certificate-authority: ca.crt}}}}]\n"
                           "contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n"
                           "users: [{{name: u, user: {}}}]\n",
                           "http://" + cluster.server.address(), user);
    }
    Result<std::unique_ptr<NodeCredentials>> open() {
        return NodeCredentials::open(settings, [this](ApiAccess access) {
            const std::lock_guard lock(mutex);
            taken.push_back(std::move(access));
            changed.notify_all();
        });
    }
    ApiAccess access(std::size_t number) {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, kPatience, [&] { return taken.size() >= number; }));
        return taken.at(number - 1);
    }
    std::string authorization_of_request(std::size_t number) const {
        std::vector<std::string> found;
        for (const tests::SeenRequest &seen : cluster.server.seen()) {
            if (seen.method == "POST") {
                found.push_back(seen.header("Authorization"));
            }
        }
        return found.at(number - 1);
    }
};

CertifiedIdentity node(const std::string &name) {
    return {.organization = "system:nodes", .common_name = "system:node:" + name};
}

} // namespace

TEST_CASE("a node that has a token asks for a certificate, and writes a kubeconfig with it", "[agent]") {
    Fixture fixture;
    fixture.cluster.approve();
    {
        const auto credentials = must(fixture.open());
        const ApiAccess access = fixture.access(1);
        CHECK(access.server.text() == "http://" + fixture.cluster.server.address() + "/");
        CHECK(access.token.empty());
        CHECK(is_certificate_for(access.tls.certificate_text, node("a")));
        CHECK(belong_together(access.tls.certificate_text, access.tls.key_text));
        CHECK(fixture.authorization_of_request(1) == "Bearer abcdef.0123456789abcdef");
    }
    struct stat status{};
    REQUIRE(stat(fixture.settings.kubeconfig.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const ApiAccess written = must(load_kubeconfig(fixture.settings.kubeconfig));
    CHECK(written.server.text() == "http://" + fixture.cluster.server.address() + "/");
    CHECK(written.tls.authorities == must(read_file(fixture.cluster.file("ca.crt"))));
    CHECK(written.tls.certificate == fixture.directory / "pki/kubelet-client-current.pem");

    // From then on the kubeconfig is enough; the bootstrap's may be removed.
    fs::remove(fixture.settings.bootstrap);
    const auto again = must(fixture.open());
    CHECK(is_certificate_for(fixture.access(2).tls.certificate_text, node("a")));
    CHECK(fixture.cluster.requests().size() == 1);
}

TEST_CASE("a denied request is followed by another, and a new token is taken up", "[agent]") {
    Fixture fixture;
    fixture.cluster.deny();
    const auto credentials = must(fixture.open());
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (fixture.cluster.requests().size() < 3) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(1ms);
    }
    fixture.bootstrap("ghijkl.0123456789abcdef");
    fixture.cluster.approve();
    CHECK(is_certificate_for(fixture.access(1).tls.certificate_text, node("a")));
}

TEST_CASE("a certificate that is nearly over is renewed by itself, one that is over by the bootstrap's", "[agent]") {
    Fixture fixture;
    fixture.cluster.approve();
    const CertificateStore store(fixture.settings.certificates, "kubelet-client");
    const std::string key = must(new_key());
    must(make_directories(fixture.settings.kubeconfig.parent_path()));
    must(write_file(fixture.settings.kubeconfig,
                    fixture.document("{client-certificate: \"" + store.current_file().string() + "\", client-key: \"" +
                                     store.current_file().string() + "\"}")));
    fs::copy(fixture.cluster.file("ca.crt"), fixture.directory / "etc/ca.crt");
    SECTION("nearly over") {
        // Good for five minutes and a bit, most of which lie behind it.
        must(store.store(
            {.certificate = must(self_signed(key, {.common_name = "system:node:a", .names = {"a"}}, 20s)), .key = key},
            now_ns()));
        const auto credentials = must(fixture.open());
        CHECK(fixture.access(1).tls.key_text.contains(key));
        CHECK_FALSE(fixture.access(2).tls.key_text.contains(key));
        CHECK(fixture.authorization_of_request(1).empty()); // by its certificate
    }
    SECTION("over") {
        must(store.store(
            {.certificate = must(self_signed(key, {.common_name = "system:node:a", .names = {"a"}}, -1s)), .key = key},
            now_ns()));
        const auto credentials = must(fixture.open());
        CHECK_FALSE(fixture.access(1).tls.key_text.contains(key));
        CHECK(fixture.authorization_of_request(1) == "Bearer abcdef.0123456789abcdef");
    }
    CHECK(is_certificate_for(must(store.current()).value().certificate, node("a")));
}

TEST_CASE("what a kubeconfig has for somebody else, or newer, is not renewed over", "[agent]") {
    Fixture fixture;
    fixture.cluster.approve();
    const CertificateStore store(fixture.settings.certificates, "kubelet-client");
    const auto pair = [](const std::string &name, std::chrono::seconds good) {
        const std::string key = must(new_key());
        return KeyPair{.certificate = must(self_signed(key, {.common_name = name, .names = {"a"}}, good)), .key = key};
    };
    const auto write = [&](const KeyPair &embedded) {
        must(make_directories(fixture.settings.kubeconfig.parent_path()));
        must(write_file(fixture.settings.kubeconfig,
                        kubeconfig_text({.server = must(http::parse_url(fixture.cluster.server.url("/")))},
                                        fixture.directory / "own.pem")));
        must(write_file(fixture.directory / "own.pem", embedded.certificate + embedded.key));
    };
    SECTION("somebody else's") {
        const KeyPair operators = pair("admin", 20s); // nearly over, and not ours to renew
        write(operators);
        const auto credentials = must(fixture.open());
        CHECK(fixture.access(1).tls.certificate == fixture.directory / "own.pem");
        CHECK(fixture.cluster.requests().empty());
    }
    SECTION("renewed since") {
        write(pair("system:node:a", 24h));
        const KeyPair renewed = pair("system:node:a", 48h);
        must(store.store(renewed, now_ns()));
        const auto credentials = must(fixture.open());
        CHECK(fixture.access(1).tls.key_text.contains(renewed.key));
    }
    SECTION("without renewal") {
        fixture.settings.renews = false;
        write(pair("system:node:a", 20s));
        must(store.store(pair("system:node:a", 48h), now_ns()));
        const auto credentials = must(fixture.open());
        CHECK(fixture.access(1).tls.certificate == fixture.directory / "own.pem");
        CHECK(fixture.cluster.requests().empty());
    }
}

TEST_CASE("a certificate that is over when it comes is not taken", "[agent]") {
    Fixture fixture;
    fixture.cluster.set_days(0);
    fixture.cluster.approve();
    const auto credentials = must(fixture.open());
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (fixture.cluster.requests().size() < 2) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(1ms);
    }
    fixture.cluster.set_days(1);
    CHECK(is_certificate_for(fixture.access(1).tls.certificate_text, node("a")));
    CHECK(must(load_kubeconfig(fixture.settings.kubeconfig)).token.empty());
}

TEST_CASE("without either kubeconfig there is nobody to be asked", "[agent]") {
    Fixture fixture;
    fs::remove(fixture.settings.bootstrap);
    CHECK(error_of(fixture.open()).code == ENOENT);
    must(make_directories(fixture.settings.kubeconfig.parent_path()));
    must(write_file(fixture.settings.kubeconfig, "kind: Other\n"));
    CHECK(error_of(fixture.open()).code == EINVAL);
    CHECK(fixture.taken.empty());
}

TEST_CASE("seven to nine tenths of a certificate's time go by before it is renewed", "[agent]") {
    const CertificateTimes times{.from = 1000, .until = 2000};
    CHECK(renewal_time(times, 0) == 1700);
    CHECK(renewal_time(times, 0.5) == 1800);
    CHECK(renewal_time(times, 1) == 1900);
}

TEST_CASE("a kubeconfig that is written says what it was read from", "[agent]") {
    ApiAccess access{.server = must(http::parse_url("https://[2001:db8::1]:6443/prefix"))};
    access.tls.verify = false;
    access.proxy = "http://proxy.example:3128";
    const ApiAccess read = must(parse_kubeconfig(kubeconfig_text(access, "/tmp"), "/etc/kubernetes/kubelet.conf"));
    CHECK(read.server == access.server);
    CHECK_FALSE(read.tls.verify);
    CHECK(read.proxy == access.proxy);
    CHECK_FALSE(read.tls.only_those);
}
