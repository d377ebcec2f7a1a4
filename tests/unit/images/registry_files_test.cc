// SPDX-License-Identifier: Apache-2.0
#include "tests/images/registry_files.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <crypt.h>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("the registry binds to the loopback interface and allows deleting", "[registry]") {
    const auto config = nlohmann::json::parse(registry_config({.port = 5000, .storage = "/s"}));
    CHECK(config.at("http").at("addr") == "127.0.0.1:5000");
    CHECK(config.at("storage").at("filesystem").at("rootdirectory") == "/s");
    CHECK(config.at("storage").at("delete").at("enabled") == true);
    CHECK_FALSE(config.at("http").contains("tls"));
    CHECK_FALSE(config.contains("auth"));
}

TEST_CASE("TLS and passwords are configured when their files are given", "[registry]") {
    const auto config = nlohmann::json::parse(
        registry_config({.port = 0, .storage = "/s", .certificate = "/c", .key = "/k", .passwords = "/p"}));
    CHECK(config.at("http").at("tls") == nlohmann::json{{"certificate", "/c"}, {"key", "/k"}});
    CHECK(config.at("auth").at("htpasswd").at("path") == "/p");
}

TEST_CASE("a password is kept as a bcrypt hash that only the password fits", "[registry]") {
    const std::string line = must(htpasswd_line("user", "secret"));
    REQUIRE(line.starts_with("user:$2b$"));
    REQUIRE(line.ends_with("\n"));
    const std::string hash = line.substr(5, line.size() - 6);
    CHECK(crypt("secret", hash.c_str()) == hash);
    CHECK(crypt("Secret", hash.c_str()) != hash);
    CHECK(must(htpasswd_line("user", "secret")) != line); // salted
}

TEST_CASE("users and passwords that bcrypt or htpasswd cannot hold are refused", "[registry]") {
    for (const char *user : {"", "a:b", "a\nb"}) {
        CHECK_THAT(message_of(htpasswd_line(user, "secret")), ContainsSubstring("registry user"));
    }
    CHECK(htpasswd_line("user", std::string(72, 'x')).has_value());
    for (const std::string &password : {std::string(), std::string(73, 'x')}) {
        CHECK_THAT(message_of(htpasswd_line("user", password)), ContainsSubstring("1 to 72 bytes"));
    }
}

TEST_CASE("the port is read from a whole line of the registry's log only", "[registry]") {
    CHECK(listening_port("time=x level=info msg=\"listening on 127.0.0.1:40123\" go\n") == 40123);
    CHECK(listening_port("a\nmsg=\"listening on 127.0.0.1:40123, tls\"") == 40123);
    CHECK_FALSE(listening_port("msg=\"listening on 127.0.0.1:40").has_value());
    CHECK_FALSE(listening_port("msg=\"listening on 127.0.0.1:").has_value());
    CHECK_FALSE(listening_port("msg=\"redis not configured\"").has_value());
}

TEST_CASE("the server's certificate is for its names and stands under the authority", "[registry]") {
    const TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "certificate-test-"));
    must(make_certificates(directory.path(), {"10.0.2.2", "registry.test"}));
    const auto verifies = [&](const std::string &option, const std::string &name) {
        Command verify;
        verify.arguments = {"openssl",
                            "verify",
                            "-x509_strict",
                            "-purpose",
                            "sslserver",
                            "-CAfile",
                            directory.path() / "certs.d/ca.crt",
                            option,
                            name,
                            directory.path() / "server.crt"};
        return must(run(verify)).status == 0;
    };
    CHECK(verifies("-verify_ip", "127.0.0.1"));
    CHECK(verifies("-verify_ip", "10.0.2.2"));
    CHECK(verifies("-verify_hostname", "localhost"));
    CHECK(verifies("-verify_hostname", "registry.test"));
    CHECK_FALSE(verifies("-verify_hostname", "elsewhere.test"));
    CHECK_FALSE(verifies("-verify_ip", "10.0.2.3"));
    CHECK_THAT(message_of(make_certificates(directory.path(), {"a,DNS:b"})), ContainsSubstring("certificate name"));
}
