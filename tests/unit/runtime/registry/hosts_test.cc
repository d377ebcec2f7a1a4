// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/hosts.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::registry;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> urls(const std::vector<Endpoint> &endpoints) {
    std::vector<std::string> texts;
    for (const Endpoint &endpoint : endpoints) {
        texts.push_back(endpoint.url.text() + (endpoint.is_mirror ? " mirror" : ""));
    }
    return texts;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("docker.io is asked at its registry, behind its mirrors", "[registry]") {
    const HostSettings settings{.mirrors = {"https://mirror.example", "http://192.0.2.1:5000/"}};
    CHECK(urls(must(find_endpoints({}, "docker.io", Purpose::kPull))) == Texts{"https://registry-1.docker.io/"});
    CHECK(urls(must(find_endpoints({}, "index.docker.io", Purpose::kPull))) == Texts{"https://registry-1.docker.io/"});
    const std::vector<Endpoint> pull = must(find_endpoints(settings, "docker.io", Purpose::kPull));
    CHECK(urls(pull) ==
          Texts{"https://mirror.example/ mirror", "http://192.0.2.1:5000/ mirror", "https://registry-1.docker.io/"});
    CHECK(pull[0].has_other);
    CHECK_FALSE(pull[2].has_other);
    CHECK(urls(must(find_endpoints(settings, "docker.io", Purpose::kPush))) == Texts{"https://registry-1.docker.io/"});
    CHECK(urls(must(find_endpoints(settings, "quay.example", Purpose::kPull))) == Texts{"https://quay.example/"});
}

TEST_CASE("only an insecure registry is asked without TLS, and with TLS first", "[registry]") {
    CHECK(urls(must(find_endpoints({}, "localhost:5000", Purpose::kPush))) ==
          Texts{"https://localhost:5000/", "http://localhost:5000/"});
    CHECK(urls(must(find_endpoints({}, "registry.example:5000", Purpose::kPull))) ==
          Texts{"https://registry.example:5000/"});
}

TEST_CASE("what is insecure is listed by name, by name and port, or by its addresses", "[registry]") {
    HostSettings settings{.insecure = {"one.example", "two.example:5000", "198.51.100.0/24", "2001:db8::/32"}};
    settings.resolve = [](const std::string &host) {
        return host == "inside.example"   ? Texts{"198.51.100.7", "2001:db8::7"}
               : host == "partly.example" ? Texts{"198.51.100.7", "203.0.113.7"}
               : host == "loop.example"   ? Texts{"127.0.0.1"}
                                          : Texts{};
    };
    for (const char *domain : {"one.example", "one.example:5000", "two.example:5000", "198.51.100.9:5000",
                               "[2001:db8::1]:5000", "inside.example", "127.0.0.1:5000", "127.3.4.5", "[::1]:5000",
                               "localhost", "localhost:5000", "ONE.example"}) {
        CAPTURE(domain);
        CHECK(is_insecure(settings, domain));
    }
    for (const char *domain : {"two.example", "two.example:5001", "one.example.evil", "198.51.101.9", "partly.example",
                               "unknown.example", "docker.io",
                               // a name that anybody may point here is not this machine
                               "loop.example"}) {
        CAPTURE(domain);
        CHECK_FALSE(is_insecure(settings, domain));
    }
}

TEST_CASE("settings that cannot be used name their key and entry", "[registry]") {
    CHECK(check_host_settings({.mirrors = {"https://m.example"}, .insecure = {"a", "a:1", "10.0.0.0/8"}}).has_value());
    for (const char *mirror :
         {"m.example", "https://m.example/path", "https://u@m.example", "https://m.example/?x", ""}) {
        CAPTURE(mirror);
        const Status status = check_host_settings({.mirrors = {mirror}});
        REQUIRE_FALSE(status.has_value());
        CHECK(status.error().message.starts_with("registry-mirrors: "));
    }
    for (const char *entry : {"http://a", "a/b", "10.0.0.0/99", "", "a b"}) {
        CAPTURE(entry);
        const Status status = check_host_settings({.insecure = {entry}});
        REQUIRE_FALSE(status.has_value());
        CHECK(status.error().message.starts_with("insecure-registries: "));
    }
}

TEST_CASE("certificates of a host are found below both directories", "[registry]") {
    const TemporaryDirectory directory = scratch();
    const fs::path ours = directory.path() / "ballast";
    const fs::path docker = directory.path() / "docker";
    must(make_directories(ours / "r.example:5000"));
    must(make_directories(docker / "r.example:5000"));
    must(make_directories(docker / "plain.example"));
    must(make_directories(docker / "docker.io"));
    must(write_file(ours / "r.example:5000/a.crt", "A"));
    must(write_file(ours / "r.example:5000/me.cert", "C"));
    must(write_file(ours / "r.example:5000/me.key", "K"));
    must(write_file(docker / "r.example:5000/b.crt", "B"));
    must(write_file(docker / "r.example:5000/other.cert", "C2"));
    must(write_file(docker / "r.example:5000/other.key", "K2"));
    must(write_file(docker / "r.example:5000/README", "x"));
    must(write_file(docker / "plain.example/ca.crt", "P"));
    must(write_file(docker / "docker.io/ca.crt", "D"));
    const HostSettings settings{.certificates = {ours, docker}};
    const auto way = [&](const char *url) { return must(find_way(settings, must(http::parse_url(url)))); };
    const Way both = way("https://r.example:5000/v2/");
    CHECK(both.tls.verify);
    CHECK(both.tls.authorities == "A\nB\n");
    CHECK(both.tls.certificate == ours / "r.example:5000/me.cert");
    CHECK(both.tls.key == ours / "r.example:5000/me.key");
    CHECK(way("https://plain.example/").tls.authorities == "P\n");
    CHECK(way("https://registry-1.docker.io/").tls.authorities == "D\n");
    CHECK(way("https://r.example/").tls == http::ClientTls{});
    CHECK(way("http://r.example:5000/").tls == http::ClientTls{});
    CHECK_FALSE(way("https://127.0.0.1:5000/").tls.verify);
}

TEST_CASE("half of a pair of certificate and key is an error that says what is missing", "[registry]") {
    const TemporaryDirectory directory = scratch();
    const HostSettings settings{.certificates = {directory.path()}};
    must(make_directories(directory.path() / "a.example:443"));
    must(write_file(directory.path() / "a.example:443/x.cert", ""));
    CHECK(
        error_of(find_way(settings, must(http::parse_url("https://a.example/")))).message.contains("x.key is missing"));
    must(make_directories(directory.path() / "b.example"));
    must(write_file(directory.path() / "b.example/x.key", ""));
    CHECK(error_of(find_way(settings, must(http::parse_url("https://b.example/"))))
              .message.contains("x.cert is missing"));
}

TEST_CASE("what a user types for a registry is a domain", "[registry]") {
    CHECK(must(domain_of_server("")) == "docker.io");
    CHECK(must(domain_of_server("https://index.docker.io/v1/")) == "docker.io");
    CHECK(must(domain_of_server("docker.io")) == "docker.io");
    CHECK(must(domain_of_server("https://r.example:5000/v2/")) == "r.example:5000");
    CHECK(must(domain_of_server("localhost:5000")) == "localhost:5000");
    CHECK(error_of(domain_of_server("https://user@host/")).code == EINVAL);
    CHECK(error_of(domain_of_server("../etc")).code == EINVAL);
}
