// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/ssh.h"

#include <catch2/catch_test_macros.hpp>
#include <sys/stat.h>

#include "base/file_io.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("a quoted word is read back by a shell as it was", "[vm]") {
    for (const std::string word : {"", "plain", "two words", "it's", "$HOME `id` \\ \"", "a\nb", "''"}) {
        const auto said = run_checked({.arguments = {"sh", "-c", "printf %s " + shell_quoted(word)}});
        REQUIRE(said.has_value());
        CHECK(*said == word);
    }
}

TEST_CASE("the test key is made once, for its owner's eyes only", "[vm]") {
    const auto state = TemporaryDirectory::create("/tmp", "ssh-test-");
    REQUIRE(state.has_value());
    const auto first = test_key(state->path());
    REQUIRE(first.has_value());
    CHECK(first->public_line.starts_with("ssh-ed25519 "));
    CHECK_FALSE(first->public_line.contains('\n'));
    struct stat status{};
    REQUIRE(stat(first->private_file.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(test_key(state->path())->public_line == first->public_line);
    // A pair of which only the public half is there was interrupted.
    REQUIRE(std::filesystem::remove(first->private_file));
    const auto second = test_key(state->path());
    REQUIRE(second.has_value());
    CHECK(second->public_line != first->public_line);
    const auto derived = run_checked({.arguments = {"ssh-keygen", "-y", "-f", second->private_file.string()}});
    REQUIRE(derived.has_value());
    CHECK(second->public_line.starts_with(derived->substr(0, 60)));
}

TEST_CASE("a server that is not there is told in ssh's own words", "[vm]") {
    const auto state = TemporaryDirectory::create("/tmp", "ssh-test-");
    REQUIRE(state.has_value());
    const auto key = test_key(state->path());
    REQUIRE(key.has_value());
    const SshTarget target{key->private_file, state->path() / "known_hosts", 1};
    const auto opened = SshConnection::open(target, state->path(), std::chrono::seconds(10));
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().message.contains("Connection refused"));
}
