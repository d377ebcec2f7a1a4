// SPDX-License-Identifier: Apache-2.0
// From an old signing key to a new one, as docs/usage/releases.md has it.
#include "tests/integration/release/channel.h"

namespace ballast::release_tests {

namespace fs = std::filesystem;

TEST_CASE("while both keys sign, machines of either key and of both take a version", "[release]") {
    Channel channel;
    const std::string old_key = channel.make_key("old"), new_key = channel.make_key("new");
    (void)channel.run_checked(channel.publish(channel.build("1.1"), "1.1", {old_key}));
    const fs::path old_machine = channel.make_machine("old-machine", {old_key}),
                   both = channel.make_machine("both", {old_key, new_key}),
                   new_machine = channel.make_machine("new-machine", {new_key});
    CHECK(channel.pull(old_machine).status == 0);
    CHECK(channel.pull(both).status == 0);
    CHECK(channel.pull(new_machine).status != 0);

    (void)channel.run_checked(channel.publish(channel.build("1.2"), "1.2", {old_key, new_key}));
    CHECK(channel.pull(old_machine).status == 0);
    CHECK(channel.pull(both).status == 0);
    CHECK(channel.pull(new_machine).status == 0);

    (void)channel.run_checked(channel.publish(channel.build("1.3"), "1.3", {new_key}));
    const Completed refused = channel.pull(old_machine);
    CHECK(refused.status != 0);
    CHECK(refused.errors.contains("public key"));
    CHECK(channel.pull(both).status == 0);
    CHECK(channel.pull(new_machine).status == 0);
}

TEST_CASE("a refresh signs with the new key what is served already", "[release]") {
    Channel channel;
    const std::string old_key = channel.make_key("old"), new_key = channel.make_key("new");
    const std::string commit = channel.build("1.1");
    (void)channel.run_checked(channel.publish(commit, "1.1", {old_key}));
    const fs::path machine = channel.make_machine("machine", {new_key});
    CHECK(channel.pull(machine).status != 0);
    std::vector<std::string> words{"refresh",
                                   "--repository",
                                   channel.served().string(),
                                   "--key-home",
                                   channel.home().string(),
                                   "--key",
                                   old_key,
                                   "--key",
                                   new_key,
                                   "--resign"};
    (void)channel.run_checked(words);
    (void)channel.run_checked(words); // signing twice is signing once
    CHECK(channel.pull(machine).status == 0);
    CHECK(channel.pull(channel.make_machine("old-machine", {old_key})).status == 0);
    const std::string signatures = channel.ostree(
        {"--repo=" + channel.served().string(), "show", "--print-detached-metadata-key=ostree.gpgsigs", commit});
    const std::size_t between = signatures.find("], [");
    CHECK(between != std::string::npos);                              // two,
    CHECK(signatures.find("], [", between + 1) == std::string::npos); // and no third
}

TEST_CASE("which of several keys signs has to be said", "[release]") {
    Channel channel;
    const std::string first = channel.make_key("first");
    const std::string commit = channel.build("1.1");
    CHECK(channel.run(channel.publish(commit, "1.1", {})).status == 0);
    (void)channel.make_key("second");
    const Completed unclear = channel.run(channel.publish(commit, "1.1", {}));
    CHECK(unclear.status == 1);
    CHECK(unclear.errors.contains("name the key by its fingerprint"));
}

} // namespace ballast::release_tests
