// SPDX-License-Identifier: Apache-2.0
#include "updater/support/scrub.h"

#include <array>
#include <utility>

#include "tests/unit/check.h"

namespace ballast::updater::support {
namespace {

TEST_CASE("secrets go, and what stands around them stays", "[support]") {
    // Before, and after.
    const std::pair<std::string, std::string> texts[] = {
        {R"x({"password": "hunter2", "user": "u"})x", R"x({"password": "(removed)", "user": "u"})x"},
        {R"x({"DB_Password":"a\"b","x":1})x", R"x({"DB_Password":"(removed)","x":1})x"},
        {R"x("{\"token\":\"abc\",\"n\":1}")x", R"x("{\"token\":\"(removed)\",\"n\":1}")x"},
        {R"x({"auth": "dXNlcjpwYXNz", "author": "me"})x", R"x({"auth": "(removed)", "author": "me"})x"},
        {R"x({"tokens": ["a", "b"], "c": []})x", R"x({"tokens": [(removed)], "c": []})x"},
        {R"x({"secrets": {"a": 1}, "token": null})x", R"x({"secrets": {"a": 1}, "token": null})x"},
        {"API_TOKEN=abc123 HOME=/root", "API_TOKEN=(removed) HOME=/root"},
        {"quiet foo.password=bar panic=10", "quiet foo.password=(removed) panic=10"},
        {"run --password hunter2 --name x", "run --password (removed) --name x"},
        {"run --password=hunter2 --name x", "run --password=(removed) --name x"},
        {"login --password-stdin -u me", "login --password-stdin -u me"},
        {"Authorization: Bearer abc.def\r\nHost: x", "Authorization: (removed)\r\nHost: x"},
        {"GET /v2/?access_token=abc&n=1", "GET /v2/?access_token=(removed)&n=1"},
        {"https://u:p@w@host/path@2x", "https://(removed)@host/path@2x"},
        {"https://host/path?mail=a@b", "https://host/path?mail=a@b"},
        {"root:$y$j9T$Yx0Fq1zN3aB$Vr5:19000", "root:(removed):19000"},
        {"it costs $5 or $US6$ at most", "it costs $5 or $US6$ at most"},
        {"got eyJhbGciOi.eyJzdWIi.SflKxw-_ from x", "got (removed) from x"},
        {"Accepted password for root", "Accepted password for root"},
        {"make-secrets.service: Failed with result", "make-secrets.service: Failed with result"},
        {"password=", "password="},
        {"password: \"open", "password: \"(removed)"},
        {"", ""},
    };
    for (const auto &[before, after] : texts) {
        CHECK(scrubbed(before) == after);
        CHECK(scrubbed(after) == after);
    }
}

TEST_CASE("private keys go, in files, in JSON and without an end; certificates stay", "[support]") {
    const std::string key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----";
    CHECK(scrubbed("a\n" + key + "\nb\n" + key + "\n") == "a\n(removed)\nb\n(removed)\n");
    CHECK(scrubbed(R"x({"pem": "x\n-----BEGIN PRIVATE KEY-----\nMHc\n-----END PRIVATE KEY-----\n"})x") ==
          R"x({"pem": "x\n(removed)\n"})x");
    CHECK(scrubbed("-----BEGIN PRIVATE KEY-----\nMHcC") == "(removed)");
    const std::string certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    CHECK(scrubbed(certificate) == certificate);
}

TEST_CASE("any bytes can be looked at for secrets", "[support]") {
    std::string bytes;
    for (int i = 0; i < 256; i++) {
        bytes += static_cast<char>(i);
    }
    CHECK(scrubbed(bytes) == bytes);
    for (const std::string end :
         {"token=", "token:", "token\"", "--token ", "://", "$", "$1$", "-----BEGIN ", "token=\\"}) {
        CHECK(scrubbed(end).starts_with(end.substr(0, end.size() - 1)));
    }
}

} // namespace
} // namespace ballast::updater::support
