// SPDX-License-Identifier: Apache-2.0
// Commits and deployments by the real libostree, from a real repository over HTTP.
#include <algorithm>
#include <atomic>
#include <catch2/generators/catch_generators.hpp>
#include <fcntl.h>
#include <set>

#include "tests/integration/registry/scripted_server.h"
#include "tests/integration/updater/ostree_fixture.h"
#include "updater/live_host.h"

using namespace ballast;
using namespace ballast::updater;
using namespace ballast::updater_test;
namespace fs = std::filesystem;
using tests::ScriptedServer;
using tests::Turn;
using Versions = std::vector<std::string>;

namespace {

Result<Offer> look(const World &world, const std::string &target = kRef) {
    return world.open().look(world.source(), target, kNow);
}

void take(const World &world) {
    const Offer offer = must(look(world));
    must(world.open().pull(world.source(), offer, {}));
    must(world.open().deploy({.checksum = offer.commit.checksum, .refspec = offer.refspec}));
}

std::set<fs::path> file_objects(const fs::path &repository) {
    std::set<fs::path> found;
    for (const auto &entry : fs::recursive_directory_iterator(repository / "objects")) {
        if (entry.path().extension() == ".filez" && entry.file_size() > 10'000) {
            found.insert(entry.path());
        }
    }
    return found;
}

// Files of a pull that is under way.
std::size_t stored_files(const World &world) {
    std::size_t count = 0;
    std::error_code error; // they move and go while we look
    for (fs::recursive_directory_iterator at(world.root() / "ostree/repo/tmp", error), end; !error && at != end;
         at.increment(error)) {
        count += at->path().extension() == ".file" ? 1 : 0;
    }
    return count;
}

// Serves the repository as it is; `before` sees each request for a file object first, and returns whether to answer it.
ScriptedServer::Script serving(const World &world, std::function<bool(Turn &turn)> before) {
    return [&world, before = std::move(before)](Turn &turn) {
        if (turn.request.target.ends_with(".filez") && !before(turn)) {
            turn.hang_up();
            return;
        }
        const Result<std::string> content = read_file(world.repository().string() + turn.request.target);
        turn.respond(content.has_value() ? 200 : 404, content.value_or(""));
    };
}

} // namespace

TEST_CASE("nothing is looked for while the configuration has a mistake, and it is told", "[updater]") {
    UpdaterConfig config;
    config.mistake = "/etc/ballast/updater.json:1:2: unknown key \"stratgy\"";
    LiveHost host(config);
    const Error told = error_of(host.look("", {}));
    CHECK(told.code == EINVAL);
    CHECK(told.message.contains("unknown key \"stratgy\""));
}

TEST_CASE("an update is found, measured, fetched and deployed beside what was there", "[updater][root]") {
    World world;
    const std::string second = world.commit("2");
    const Offer offer = must(look(world));
    CHECK(offer.commit == CommitInfo{.checksum = second, .version = "2", .timestamp = kNow - 998});
    CHECK(offer.refspec == std::string("ballast:") + kRef);
    CHECK(offer.expires == kNow + 1000);
    CHECK(offer.boot_bytes == 4096);
    // Eight files of 20,000 bytes that do not compress are new, and the directories above them.
    CHECK(offer.objects >= 9);
    CHECK(offer.objects <= 20);
    CHECK(offer.download_bytes >= 160'000);
    CHECK(offer.download_bytes <= 200'000);
    CHECK(offer.disk_bytes >= offer.download_bytes);

    PullProgress last;
    must(world.open().pull(world.source(), offer, [&](const PullProgress &progress) { last = progress; }));
    CHECK(last.bytes >= 160'000);
    CHECK(last.total_bytes == offer.download_bytes);
    CHECK(must(look(world)).objects == 0); // it is here whole
    CHECK(world.versions() == Versions{"1"});

    must(world.open().deploy({.checksum = second, .refspec = offer.refspec}));
    CHECK(world.versions() == Versions{"2", "1"});
    const std::vector<Deployment> deployments = must(world.open().deployments());
    CHECK(deployments[0].refspec == offer.refspec);
    CHECK(deployments[0].kernel_arguments == std::vector<std::string>{"quiet", "console=tty0"});
    CHECK(must(read_file(deployments[0].directory / "usr/lib/version")) == "2");
    CHECK(world.boot_menu().contains("set ballast_newest=ostree-" + deployments[0].name() + "-"));
}

TEST_CASE("a third update takes the place of the oldest, unless that is pinned", "[updater][root]") {
    World world;
    const bool pinned = GENERATE(false, true);
    const std::string first = must(world.open().deployments())[0].name();
    must(world.open().pin(first, pinned));
    world.commit("2");
    take(world);
    world.commit("3");
    take(world);
    CHECK(world.versions() == (pinned ? Versions{"3", "2", "1"} : Versions{"3", "2"}));
}

TEST_CASE("a summary or commit that our key did not sign is refused", "[updater][root]") {
    World world;
    const SigningHome stranger("somebody else");
    const auto refused = [&] {
        const Error error = error_of(look(world));
        CAPTURE(error.message);
        CHECK(error.code == EKEYREJECTED);
        CHECK(world.versions() == Versions{"1"});
    };
    SECTION("a summary without signature") {
        world.commit("2");
        world.renew_summary(nullptr);
        refused();
    }
    SECTION("a summary that somebody else signed") {
        world.commit("2");
        world.renew_summary(&stranger);
        refused();
    }
    SECTION("a commit without signature in a signed summary") {
        world.commit({.version = "2", .key = nullptr});
        refused();
    }
    SECTION("a commit that somebody else signed in a signed summary") {
        world.commit({.version = "2", .key = &stranger});
        refused();
    }
    SECTION("a commit that was signed for another ref") {
        world.commit({.version = "2", .ref = "ballast/alpha/x86_64/cloud", .key = &world.key()});
        command({"ostree", "refs", "--repo=" + world.repository().string(), "--force", "--create=" + std::string(kRef),
                 "ballast/alpha/x86_64/cloud"});
        world.renew_summary(&world.key());
        refused();
    }
    SECTION("a summary whose bytes were changed") {
        world.commit("2");
        std::string bytes = must(read_file(world.repository() / "summary"));
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
        must(write_file(world.repository() / "summary", bytes));
        refused();
    }
    // And the next honest answer is taken.
    world.commit("3");
    take(world);
    CHECK(world.versions() == Versions{"3", "1"});
}

TEST_CASE("further keys are taken from where the configuration says", "[updater][root]") {
    World world;
    const SigningHome next("the next key");
    const std::string second = world.commit({.version = "2", .key = &next});
    world.renew_summary(&next);
    CHECK(error_of(look(world)).code == EKEYREJECTED);
    must(make_directories(world.root() / "keys"));
    must(write_file(world.root() / "keys/next.gpg", next.public_key()));
    Source source = world.source();
    source.keyrings = {world.root() / "keys"};
    CHECK(must(world.open().look(source, kRef, kNow)).commit.checksum == second);
}

TEST_CASE("a summary that has expired by our clock is refused", "[updater][root]") {
    World world;
    world.commit("2");
    world.renew_summary(&world.key(), kNow - 1);
    const Error error = error_of(look(world));
    CHECK(error.code == ESTALE);
    CHECK(error.message.contains("the summary expired at 1789999999"));
    world.renew_summary(&world.key(), kNow);
    CHECK(look(world).has_value());
    world.renew_summary(&world.key(), std::nullopt);
    CHECK(must(look(world)).expires == 0);
}

TEST_CASE("the next mirror is asked when one fails, and all are named when none helps", "[updater][root]") {
    World world;
    const std::string second = world.commit("2");
    Source source = world.source();
    source.urls.insert(source.urls.begin(), {"http://127.0.0.1:1/repo", source.urls[0] + "/nothing-here"});
    const Offer offer = must(world.open().look(source, kRef, kNow));
    CHECK(offer.commit.checksum == second);
    CHECK(offer.url == source.urls[2]);
    must(world.open().pull(source, offer, {}));

    source.urls.pop_back();
    const Error error = error_of(world.open().look(source, kRef, kNow));
    CHECK(error.message.contains(source.urls[0]));
    CHECK(error.message.contains(source.urls[1]));
    source.urls.clear();
    CHECK(error_of(world.open().look(source, kRef, kNow)).message.contains("no repository is configured"));
    CHECK(error_of(look(world, "ballast/beta/x86_64/cloud")).code == ENOENT);
}

TEST_CASE("a pull that is stopped can be taken up again, and what came is not fetched twice", "[updater][root]") {
    World world;
    world.commit("2");
    std::stop_source stop;
    std::atomic<bool> stopped = false;
    std::atomic<std::size_t> asked = 0;
    constexpr std::size_t kBeforeTheStop = 4;
    ScriptedServer slow(serving(world, [&](Turn &) {
        const bool answered = ++asked <= kBeforeTheStop;
        if (!answered) {
            stopped.wait(false);
        }
        return answered;
    }));
    Source source{.urls = {slow.url("")}, .proxy = {}, .authorities = {}, .certificate = {}, .key = {}, .keyrings = {}};
    const Offer offer = must(world.open().look(source, kRef, kNow));
    const auto stop_once_all_are_stored = [&](const PullProgress &) {
        if (stored_files(world) == kBeforeTheStop) {
            stop.request_stop();
            stopped = true;
            stopped.notify_all();
        }
    };
    CHECK(error_of(world.open().pull(source, offer, stop_once_all_are_stored, stop.get_token())).code == ECANCELED);
    CHECK(world.versions() == Versions{"1"});
    CHECK_FALSE(world.open().deploy({.checksum = offer.commit.checksum, .refspec = offer.refspec}).has_value());
    CHECK(world.versions() == Versions{"1"});

    std::atomic<std::size_t> again = 0;
    ScriptedServer healthy(serving(world, [&](Turn &) {
        again++;
        return true;
    }));
    source.urls = {healthy.url("")};
    const Offer rest = must(world.open().look(source, kRef, kNow));
    must(world.open().pull(source, rest, {}));
    CHECK(again == 9 - kBeforeTheStop);
    must(world.open().deploy({.checksum = rest.commit.checksum, .refspec = rest.refspec}));
    CHECK(world.versions() == Versions{"2", "1"});
}

TEST_CASE("an object that arrives damaged stops the pull, and a healthy one later completes it", "[updater][root]") {
    World world;
    const std::set<fs::path> old = file_objects(world.repository());
    world.commit("2");
    const std::set<fs::path> all = file_objects(world.repository());
    const fs::path object = *std::ranges::find_if(all, [&](const fs::path &one) { return !old.contains(one); });
    const std::string healthy = must(read_file(object));
    std::string damaged = healthy;
    const bool truncated = GENERATE(false, true);
    if (truncated) {
        damaged.resize(damaged.size() / 2);
    } else {
        damaged[damaged.size() - 20] = static_cast<char>(damaged[damaged.size() - 20] ^ 1);
    }
    must(write_file(object, damaged));
    const Offer offer = must(look(world));
    const Error error = error_of(world.open().pull(world.source(), offer, {}));
    CAPTURE(error.message);
    CHECK(error.message.starts_with("pull 2 from http://"));
    CHECK(world.versions() == Versions{"1"});
    must(write_file(object, healthy));
    take(world);
    CHECK(world.versions() == Versions{"2", "1"});
    command({"ostree", "fsck", "--repo=" + (world.root() / "ostree/repo").string()});
}

TEST_CASE("a static delta that arrives cut off or changed stops the pull, and a whole one completes it",
          "[updater][root]") {
    World world;
    const std::string first = must(world.open().deployments())[0].commit.checksum;
    const std::string second = world.commit("2");
    command({"ostree", "static-delta", "generate", "--repo=" + world.repository().string(), "--from=" + first,
             "--to=" + second});
    world.renew_summary(&world.key());
    const std::string name = GENERATE("superblock", "0");
    fs::path file;
    for (const auto &entry : fs::recursive_directory_iterator(world.repository() / "deltas")) {
        file = entry.path().filename() == name ? entry.path() : file;
    }
    const std::string whole = must(read_file(file));
    std::string damaged = whole;
    if (GENERATE(false, true)) {
        damaged.resize(damaged.size() / 2);
    } else {
        damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    }
    must(write_file(file, damaged));
    const Offer offer = must(look(world));
    const Error error = error_of(world.open().pull(world.source(), offer, {}));
    CAPTURE(error.message);
    CHECK(error.message.starts_with("pull 2 from http://"));
    CHECK_FALSE(world.open().deploy({.checksum = second, .refspec = offer.refspec}).has_value());
    CHECK(world.versions() == Versions{"1"});

    must(write_file(file, whole));
    PullProgress last;
    must(world.open().pull(world.source(), offer, [&](const PullProgress &progress) { last = progress; }));
    CHECK(last.total_bytes < whole.size() + 200'000); // the delta's, not the objects'
    take(world);
    CHECK(world.versions() == Versions{"2", "1"});
    command({"ostree", "fsck", "--repo=" + (world.root() / "ostree/repo").string()});
}

TEST_CASE("a server that sends without end is left, and another one completes the pull", "[updater][root]") {
    World world;
    world.commit("2");
    constexpr std::size_t kMebibyte = 1U << 20, kEndless = 512; // far more than anybody may send
    std::atomic<std::size_t> sent = 0;
    std::atomic<bool> begun = false;
    ScriptedServer endless(serving(world, [&](Turn &turn) {
        if (begun.exchange(true)) {
            return true;
        }
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n");
        const std::string bytes(kMebibyte, 'x');
        for (std::size_t count = 0; count < kEndless && !turn.hangs_up(); count++, sent++) {
            turn.send(bytes);
        }
        return false;
    }));
    Source source = world.source();
    source.urls = {endless.url("")};
    const Offer offer = must(world.open().look(source, kRef, kNow));
    CHECK(error_of(world.open().pull(source, offer, {})).code == EMSGSIZE);
    CHECK(sent < kEndless);
    take(world);
    CHECK(world.versions() == Versions{"2", "1"});
}

TEST_CASE("a server that stops sending is left, and another one completes the pull", "[updater][root]") {
    World world;
    world.commit("2");
    ScriptedServer stalling(serving(world, [&](Turn &turn) {
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\nsome");
        turn.stall();
        return false;
    }));
    Source source = world.source();
    source.urls = {stalling.url("")};
    const Offer offer = must(world.open().look(source, kRef, kNow));
    const Error error = error_of(world.open().pull(source, offer, {}));
    CAPTURE(error.message);
    CHECK(error.message.starts_with("pull 2 from http://"));
    CHECK(world.versions() == Versions{"1"});
    take(world);
    CHECK(world.versions() == Versions{"2", "1"});
}

TEST_CASE("kernel arguments are appended, removed and replaced, and carried on", "[updater][root]") {
    World world;
    const Deployment first = must(world.open().deployments())[0];
    const auto change = [&](const KernelArgumentChanges &changes) {
        return world.open().deploy(
            {.checksum = first.commit.checksum, .refspec = first.refspec, .kernel_arguments = changes});
    };
    must(change({.append = {"a=b", "flag"}, .remove = {"quiet"}, .replace = {"console=ttyS0"}}));
    const std::vector<std::string> changed = must(world.open().deployments())[0].kernel_arguments;
    CHECK(changed == std::vector<std::string>{"console=ttyS0", "a=b", "flag"});
    CHECK(error_of(change({.append = {}, .remove = {"not-there"}, .replace = {}})).code == EINVAL);
    CHECK(error_of(change({.append = {}, .remove = {}, .replace = {"not-there=1"}})).code == EINVAL);
    CHECK(error_of(change({.append = {"a='b'"}, .remove = {}, .replace = {}})).message.contains("boot"));
    CHECK(must(world.open().deployments())[0].kernel_arguments == changed);
    world.commit("2");
    take(world);
    CHECK(must(world.open().deployments())[0].kernel_arguments == changed);
}

TEST_CASE("the order of deployments is changed, and one is removed with all that only it needed", "[updater][root]") {
    World world;
    world.commit("2");
    take(world);
    const std::vector<Deployment> both = must(world.open().deployments());
    must(world.open().make_first(both[1].name()));
    CHECK(world.versions() == Versions{"1", "2"});
    CHECK(world.boot_menu().contains("set ballast_newest=ostree-" + both[1].name()));
    CHECK(error_of(world.open().make_first("nothing.0")).code == ENOENT);

    must(world.open().pin(both[0].name(), true));
    CHECK(must(world.open().deployments())[1].pinned);
    CHECK(error_of(world.open().remove(both[0].name())).code == EBUSY);
    must(world.open().pin(both[0].name(), false));
    must(world.open().remove(both[0].name()));
    CHECK(world.versions() == Versions{"1"});
    CHECK_FALSE(fs::exists(both[0].directory));
    must(world.open().clean_up());
}

TEST_CASE("deployments that another program changes just now are left alone", "[updater][root]") {
    World world;
    const Deployment first = must(world.open().deployments())[0];
    const Fd lock = must(open_file(world.root() / "ostree/lock", O_RDWR | O_CREAT, 0600));
    struct flock whole{};
    whole.l_type = F_WRLCK;
    REQUIRE(::fcntl(lock.get(), F_OFD_SETLK, &whole) == 0);
    CHECK(error_of(world.open().pin(first.name(), true)).code == EBUSY);
    CHECK(error_of(world.open().clean_up()).code == EBUSY);
    CHECK(must(world.open().deployments()).size() == 1);
}
