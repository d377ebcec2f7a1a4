// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/credentials.h"

#include "base/base64.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::registry;

TEST_CASE("base64 goes there and back for every length and both alphabets", "[registry]") {
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(must(base64_decoded("Zg")) == "f");
    CHECK(must(base64_decoded("-_-_")) == must(base64_decoded("+/+/")));
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) {
        bytes += static_cast<char>(byte);
        CHECK(must(base64_decoded(base64(bytes))) == bytes);
    }
    for (const char *text : {"Z", "Zg=", "Zg===", "Z g=", "Zg==x", "Zg==Zg==", "Zm9v!", "=", "====", "Zm9vY"}) {
        CAPTURE(text);
        CHECK(error_of(base64_decoded(text)).code == EINVAL);
    }
}

TEST_CASE("credentials are read as the docker command sends them", "[registry]") {
    CHECK(must(parse_registry_auth("")).empty());
    const Credentials read = must(parse_registry_auth(
        base64(R"({"username":"me","password":"pä:ss","serveraddress":"https://r.example/","email":"x"})")));
    CHECK(read == Credentials{.user = "me", .password = "pä:ss", .server = "https://r.example/"});
    CHECK(must(parse_auth_config(R"({"identitytoken":"it"})")).identity_token == "it");
    CHECK(must(parse_auth_config(R"({"registrytoken":"rt"})")).registry_token == "rt");
    CHECK(must(parse_auth_config("{}")).empty());
    const Credentials pair = must(parse_auth_config(R"({"auth":")" + base64("me:a:b") + R"("})"));
    CHECK(pair.user == "me");
    CHECK(pair.password == "a:b");
}

TEST_CASE("credentials that cannot be read are an error that shows nothing of them", "[registry]") {
    for (const std::string &json :
         {std::string(R"({"password":"secret")"), std::string(R"({"password":["secret"]})"),
          std::string(R"(["secret"])"), std::string(R"({"username":"a:secret","password":"b"})"),
          std::string("{\"password\":\"secret\\n\"}"), std::string(R"({"auth":"secret"})"),
          R"({"auth":")" + base64("secret") + R"("})", "\"" + std::string(100'000, 's') + "ecret\""}) {
        CAPTURE(json.substr(0, 100));
        const Error error = error_of(parse_auth_config(json));
        CHECK(error.code == EINVAL);
        CHECK_FALSE(error.message.contains("secret"));
    }
    CHECK(error_of(parse_registry_auth("!")).code == EINVAL);
}
