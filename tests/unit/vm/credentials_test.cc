// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/credentials.h"

#include <catch2/catch_test_macros.hpp>

using namespace ballast::vm;

TEST_CASE("base64 follows the test vectors of RFC 4648", "[vm]") {
    CHECK(base64("").empty());
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foob") == "Zm9vYg==");
    CHECK(base64("fooba") == "Zm9vYmE=");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(base64(std::string("\xff\x00\xfe", 3)) == "/wD+");
}

TEST_CASE("a credential becomes one SMBIOS string without commas in its value", "[vm]") {
    CHECK(smbios_option("a.b", "x,y\n") == "type=11,value=io.systemd.credential.binary:a.b=eCx5Cg==");
}

TEST_CASE("the ready unit is pulled into multi-user.target and reports after sshd", "[vm]") {
    const Credentials credentials = test_credentials("ssh-ed25519 AAAA test");
    CHECK(credentials.at("ssh.authorized_keys.root") == "ssh-ed25519 AAAA test");
    const std::string &unit = credentials.at("systemd.extra-unit.ballast-test-ready.service");
    CHECK(unit.contains("After=multi-user.target ssh.service"));
    CHECK(unit.contains("/dev/virtio-ports/" + std::string(kReadyPort)));
    CHECK(credentials.at("systemd.unit-dropin.multi-user.target").contains("Wants=ballast-test-ready.service"));
}

TEST_CASE("only a machine that asks for it gets a console without password", "[vm]") {
    CHECK_FALSE(test_credentials("key").contains("agetty.autologin"));
    CHECK(console_login_credentials().at("agetty.autologin") == "root");
}
