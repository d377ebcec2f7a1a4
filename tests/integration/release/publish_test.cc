// SPDX-License-Identifier: Apache-2.0
// Publishing versions of a channel.
#include <nlohmann/json.hpp>
#include <random>

#include "base/http/file_server.h"
#include "tests/integration/release/channel.h"

namespace ballast::release_tests {
namespace {

namespace fs = std::filesystem;

// Bytes that do not compress, the same for the same seed.
std::string noise(std::size_t size, unsigned seed) {
    std::mt19937 generator(seed); // NOLINT(cert-msc51-cpp): the same bytes each time
    std::string bytes(size, '\0');
    for (char &byte : bytes) {
        byte = static_cast<char>(generator());
    }
    return bytes;
}

std::uint64_t size_below(const fs::path &directory) {
    std::uint64_t size = 0;
    for (const auto &entry : fs::recursive_directory_iterator(directory)) {
        size += entry.is_regular_file() ? entry.file_size() : 0;
    }
    return size;
}

} // namespace

TEST_CASE("a published version reaches a machine that trusts its key, by a delta", "[release]") {
    Channel channel;
    const std::string key = channel.make_key("stable");
    std::string large = noise(2UL << 20, 1);
    const std::string first = channel.build("1.1", {{"usr/lib/large", large}, {"usr/bin/a", "a"}});
    (void)channel.run_checked(channel.publish(first, "1.1", {key}));
    const FileServer server = must(FileServer::start(channel.served()));
    const fs::path machine =
        channel.make_machine("machine", {key}, "http://127.0.0.1:" + std::to_string(server.port()));
    const Completed pulled = channel.pull(machine);
    INFO(pulled.errors);
    REQUIRE(pulled.status == 0);
    CHECK(channel.ostree({"--repo=" + machine.string(), "rev-parse", std::string("ballast:") + kRef}) == first);

    large.replace(1000, 4, "else");
    const std::string second = channel.build("1.2", {{"usr/lib/large", large}, {"usr/bin/a", "b"}});
    const std::string said = channel.run_checked(channel.publish(second, "1.2", {key}));
    CHECK(said.contains("delta from 1.1: "));
    CHECK(size_below(channel.served() / "deltas") < 100'000); // of 2 MiB that changed in four bytes
    const Completed updated = channel.pull(machine, {"--require-static-deltas"});
    INFO(updated.errors);
    REQUIRE(updated.status == 0);
    CHECK(channel.ostree({"--repo=" + machine.string(), "rev-parse", std::string("ballast:") + kRef}) == second);
    (void)channel.ostree({"--repo=" + machine.string(), "fsck"});
}

TEST_CASE("the summary says when it expires, and a refresh moves that", "[release]") {
    Channel channel;
    const std::string key = channel.make_key("stable");
    (void)channel.run_checked(channel.publish(channel.build("1.1"), "1.1", {key}));
    const auto expires = [&] {
        const std::string text =
            channel.ostree({"--repo=" + channel.served().string(), "summary", "--print-metadata-key=ballast.expires"});
        REQUIRE(text.starts_with("uint64 "));
        // ostree takes all numbers for big-endian when it prints them.
        return static_cast<long long>(__builtin_bswap64(std::stoull(text.substr(7))));
    };
    constexpr long long kDay = 86'400;
    const long long now = ::time(nullptr);
    CHECK(expires() >= now + 30 * kDay - 600);
    CHECK(expires() <= now + 30 * kDay);
    (void)channel.run_checked({"refresh", "--repository", channel.served().string(), "--key-home",
                               channel.home().string(), "--key", key, "--expires-days", "2"});
    CHECK(expires() <= now + 2 * kDay + 600);
    CHECK(channel.pull(channel.make_machine("machine", {key})).status == 0);
}

TEST_CASE("old versions and their deltas leave the repository, others stay whole", "[release]") {
    Channel channel;
    const std::string key = channel.make_key("stable");
    std::vector<std::string> commits;
    for (const std::string version : {"1.1", "1.2", "1.3", "1.4"}) {
        commits.push_back(channel.build(version, {{"usr/share/v", version}, {"usr/share/only-" + version, version}}));
        std::vector<std::string> words = channel.publish(commits.back(), version, {key});
        words.insert(words.end(), {"--keep", "2", "--deltas", "1"});
        (void)channel.run_checked(words);
    }
    CHECK(!channel.has_commit(commits[0]));
    CHECK(!channel.has_commit(commits[1]));
    CHECK(channel.has_commit(commits[2]));
    CHECK(channel.ostree({"--repo=" + channel.served().string(), "static-delta", "list"}) ==
          commits[2] + "-" + commits[3]);
    (void)channel.ostree({"--repo=" + channel.served().string(), "fsck"});
    const auto history = nlohmann::json::parse(channel.releases("history.json"));
    REQUIRE(history.at("versions").size() == 2);
    CHECK(history["versions"][0]["version"] == "1.4");
    CHECK(history["versions"][1]["commit"] == commits[2]);
    CHECK(fs::exists(channel.served() / "releases" / kRef / "1.3.md"));
    CHECK(!fs::exists(channel.served() / "releases" / kRef / "1.2.md"));
}

TEST_CASE("publishing the same once more changes nothing, another commit of that version is refused", "[release]") {
    Channel channel;
    const std::string key = channel.make_key("stable");
    const std::string first = channel.build("1.1");
    (void)channel.run_checked(channel.publish(first, "1.1", {key}));
    (void)channel.run_checked(channel.publish(first, "1.1", {key}));
    CHECK(nlohmann::json::parse(channel.releases("history.json")).at("versions").size() == 1);

    const std::string other = channel.build("1.1", {{"usr/x", "x"}});
    const Completed refused = channel.run(channel.publish(other, "1.1", {key}));
    CHECK(refused.status == 1);
    CHECK(refused.errors.contains("version 1.1 is published already"));
    CHECK(channel.ostree({"--repo=" + channel.served().string(), "rev-parse", kRef}) == first);
}

TEST_CASE("a version that is older than the newest is refused unless asked for", "[release]") {
    Channel channel;
    const std::string key = channel.make_key("stable");
    const std::string older = channel.build("1.1"), newer = channel.build("1.2");
    (void)channel.run_checked(channel.publish(newer, "1.2", {key}));
    std::vector<std::string> words = channel.publish(older, "1.1", {key});
    const Completed refused = channel.run(words);
    CHECK(refused.status == 1);
    CHECK(refused.errors.contains("version 1.1 is older than 1.2"));
    words.push_back("--older");
    CHECK(channel.run(words).status == 0);
}

TEST_CASE("release notes name packages and the vulnerabilities that were mended", "[release]") {
    Channel channel;
    const std::string key = channel.make_key("stable");
    const std::string before = channel.make_package("openssl", "3.5.1-1", "") +
                               "gone 1 all 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    const std::string now = channel.make_package("openssl", "3.5.1-1+deb13u2",
                                                 "openssl (3.5.1-1+deb13u2) trixie-security; urgency=high\n\n"
                                                 "  * CVE-2026-11111: worse than it looks\n\n -- x\n\n"
                                                 "openssl (3.5.1-1+deb13u1) trixie-security; urgency=high\n\n"
                                                 "  * Fix CVE-2026-2222 and CVE-2025-33333.\n\n -- x\n\n"
                                                 "openssl (3.5.1-1) unstable; urgency=medium\n\n"
                                                 "  * CVE-2024-1111 is long ago\n\n -- x\n") +
                            channel.make_package("new", "2", "new (2) x; urgency=low\n\n  * CVE-2020-1111\n");
    (void)channel.run_checked(channel.publish(channel.build("1.1", {}, before), "1.1", {key}));
    (void)channel.run_checked(channel.publish(channel.build("1.2", {}, now), "1.2", {key}));
    const std::string text = channel.releases("1.2.md");
    CHECK(text.contains("CVE-2025-33333, CVE-2026-11111, CVE-2026-2222"));
    CHECK(!text.contains("CVE-2024-1111"));
    CHECK(!text.contains("CVE-2020-1111"));
    CHECK(text.contains("- openssl 3.5.1-1 -> 3.5.1-1+deb13u2: CVE-"));
    CHECK(text.contains("## New packages\n\n- new 2\n"));
    CHECK(text.contains("## Packages that are gone\n\n- gone 1\n"));
    const auto json =
        nlohmann::json::parse(channel.run_checked({"changelog", "--json", "--repository", channel.served().string(),
                                                   "--packages", channel.packages().string(), kRef, "1.1", "1.2"}));
    CHECK(json.at("vulnerabilities").size() == 3);
    CHECK(json.at("since") == "1.1");
    const Completed unknown = channel.run({"changelog", "--repository", channel.served().string(), kRef, "1.1", "9"});
    CHECK(unknown.status == 1);
    CHECK(unknown.errors.contains("has no version 9"));
}

TEST_CASE("a package whose file is gone is named without its changelog", "[release]") {
    Channel channel;
    const std::string key = channel.make_key("stable");
    const std::string digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    (void)channel.run_checked(channel.publish(channel.build("1.1", {}, "a 1 all " + digest), "1.1", {key}));
    (void)channel.run_checked(channel.publish(channel.build("1.2", {}, "a 2 all " + digest), "1.2", {key}));
    CHECK(channel.releases("1.2.md").contains("- a 1 -> 2 (no changelog: "));
}

TEST_CASE("what cannot be published is refused by name, and nothing is served of it", "[release]") {
    Channel channel;
    const std::string commit = channel.build("1.1");
    const Completed no_home = channel.run(channel.publish(commit, "1.1", {}));
    CHECK(no_home.status == 1);
    CHECK(no_home.errors.contains("is no directory: it has to be GnuPG's home"));
    const std::string key = channel.make_key("stable");
    const Completed no_key = channel.run(channel.publish(commit, "1.1", {"nobody"}));
    CHECK(no_key.status == 1);
    CHECK(no_key.errors.contains("no secret key by the name \"nobody\""));
    const Completed no_commit = channel.run(channel.publish(std::string(64, '0'), "1.1", {key}));
    CHECK(no_commit.status == 1);
    CHECK(no_commit.errors.contains("copy commit 0000"));
    CHECK(!fs::exists(channel.served() / "summary"));
    const Completed again = channel.run({"new-key", "--key-home", channel.home().string(), "stable"});
    CHECK(again.status == 1);
    CHECK(again.errors.contains("has a key for \"stable\" already"));
}

} // namespace ballast::release_tests
