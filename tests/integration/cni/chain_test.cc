// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/chain.h"

#include <sys/stat.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::cni;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

// Plugins that are scripts: each notes that it was called, and what for, and then does what the test wants of it.
struct Fixture {
    TemporaryDirectory place = scratch();
    PluginPlaces places{.directories = {place.path() / "none", place.path()}, .patience = 20s};

    Fixture() {
        for (const char *name : {"one", "two"}) {
            script(name, R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.5/16"}],"from":"')" +
                             std::string(name) + R"('"}')");
        }
    }
    Chain chain() const { return {places, place.path() / "cache"}; }
    // `on_add` and the like are shell; VERSION speaks 1.1.0 as well.
    void script(const std::string &name, const std::string &on_add, const std::string &otherwise = ":") const {
        const std::string text = R"(#!/bin/sh
here=$(dirname "$0")
cat >"$here/)" + name + R"(.$CNI_COMMAND"
[ "$CNI_COMMAND" = VERSION ] || echo ")" +
                                 name +
                                 R"( $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS" >>"$here/log"
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}' ;;
ADD) )" + on_add + R"( ;;
*) )" + otherwise + R"( ;;
esac
)";
        must(replace_file(place.path() / name, text, 0755));
    }
    std::string log() const {
        std::string text = must(read_file(place.path() / "log"));
        fs::remove(place.path() / "log");
        return text;
    }
    bool called() const { return fs::exists(place.path() / "log"); }
    std::string input(const std::string &name) const { return must(read_file(place.path() / name)); }
    std::string netns() const { return place.path().string(); } // it only has to exist
    Attachment attachment(const std::string &container = "c1") const {
        return {.container = container, .network_namespace = netns(), .arguments = {{"IgnoreUnknown", "1"}}};
    }
};

Configuration configuration(const std::string &version = "1.0.0") {
    return must(parse_configuration(
        R"({"cniVersion":")" + version + R"(","name":"pods","plugins":[{"type":"one","x":1},{"type":"two"}]})", "x"));
}

const std::string kFails =
    R"(echo '{"cniVersion":"1.0.0","code":7,"msg":"bad configuration","details":"x is odd"}'; exit 1)";

} // namespace

TEST_CASE("plugins of a network are added in order and deleted in reverse, each with the result before it", "[cni]") {
    Fixture fixture;
    Chain chain = fixture.chain();
    const Attached attached = must(chain.add(configuration(), fixture.attachment()));
    CHECK(attached.addresses.front().text() == "10.1.0.5");
    CHECK(attached.json.contains("two"));
    const std::string rest = " c1 " + fixture.netns() + " eth0 IgnoreUnknown=1\n";
    CHECK(fixture.log() == "one ADD" + rest + "two ADD" + rest);
    CHECK_FALSE(fixture.input("one.ADD").contains("prevResult"));
    CHECK(fixture.input("one.ADD").contains(R"("x":1)"));
    CHECK(fixture.input("two.ADD").contains(R"("from":"one")"));

    must(chain.check("c1"));
    CHECK(fixture.log() == "one CHECK" + rest + "two CHECK" + rest);
    CHECK(fixture.input("one.CHECK").contains(R"("from":"two")"));

    CHECK(error_of(chain.add(configuration(), fixture.attachment())).code == EEXIST);
    CHECK_FALSE(fixture.called());

    must(chain.remove("c1", fixture.netns()));
    CHECK(fixture.log() == "two DEL" + rest + "one DEL" + rest);
    CHECK(fixture.input("one.DEL").contains(R"("from":"two")"));
    must(chain.remove("c1", fixture.netns())); // nothing is left to do
    CHECK_FALSE(fixture.called());
    CHECK(error_of(chain.check("c1")).code == ENOENT);
}

TEST_CASE("a network plugin that fails says why, and what was added is taken back", "[cni]") {
    Fixture fixture;
    Chain chain = fixture.chain();
    fixture.script("two", kFails);
    const Error error = error_of(chain.add(configuration(), fixture.attachment()));
    CHECK(error.message == "network pods: two: bad configuration: x is odd");
    const std::string rest = " c1 " + fixture.netns() + " eth0 IgnoreUnknown=1\n";
    CHECK(fixture.log() == "one ADD" + rest + "two ADD" + rest + "two DEL" + rest + "one DEL" + rest);
    CHECK(must(chain.known()).empty());

    SECTION("it may be worth another try") {
        fixture.script("two", R"(echo '{"code":11,"msg":"later"}'; exit 1)");
        CHECK(error_of(chain.add(configuration(), fixture.attachment())).code == EAGAIN);
    }
    SECTION("taking it back may fail, too, and is tried again") {
        fixture.script("two", kFails, kFails);
        CHECK(error_of(chain.add(configuration(), fixture.attachment())).message.contains("could not be taken back"));
        CHECK(must(chain.known()).size() == 1);
        CHECK_FALSE(chain.remove("c1", fixture.netns()).has_value());
        fixture.script("two", kFails);
        must(chain.remove("c1", fixture.netns()));
        CHECK(must(chain.known()).empty());
    }
}

TEST_CASE("a network plugin that is not there, hangs, prints garbage or dies is an error that names it", "[cni]") {
    Fixture fixture;
    fixture.places.patience = 300ms;
    const auto problem = [&] {
        Chain chain = fixture.chain();
        const Error error = error_of(chain.add(configuration(), fixture.attachment()));
        CHECK(must(chain.known()).empty());
        return error;
    };
    SECTION("not there") {
        fs::remove(fixture.place.path() / "two");
        Chain chain = fixture.chain();
        const Error error = error_of(chain.add(configuration(), fixture.attachment()));
        CHECK(error.code == ENOENT);
        CHECK(error.message.contains("no CNI plugin \"two\" in " + fixture.places.directories[0].string() + ", "));
        CHECK(must(chain.known()).size() == 1); // for DEL it is not there, either
    }
    SECTION("hangs") {
        fixture.script("two", "sleep 1000");
        CHECK(problem().code == ETIMEDOUT);
    }
    SECTION("prints garbage") {
        fixture.script("two", R"(printf 'ok\033[2J\n')");
        const Error error = problem();
        CHECK(error.code == EBADMSG);
        CHECK(error.message.starts_with("network pods: two:"));
        CHECK_FALSE(error.message.contains('\033'));
    }
    SECTION("prints without end") {
        fixture.script("two", "yes");
        CHECK(problem().code == EFBIG);
    }
    SECTION("fails with garbage") {
        fixture.script("two", R"(printf 'no\033way\n' >&2; exit 3)");
        CHECK(problem().message == R"(network pods: two: exit status 3: no\x1bway)");
    }
    SECTION("dies") {
        fixture.script("two", "kill -9 $$");
        CHECK(problem().message == "network pods: two: exit status 137");
    }
}

TEST_CASE("what a killed engine was attaching is known and taken back after a reboot", "[cni]") {
    Fixture fixture;
    // As it is between the first plugin and the second.
    const Cache cache(fixture.place.path() / "cache");
    must(cache.write({.configuration = configuration(),
                      .attachment = {.container = "c1", .network_namespace = "/run/netns/gone"},
                      .wishes = "{}",
                      .result = {}}));
    Chain chain = fixture.chain();
    REQUIRE(must(chain.known()).size() == 1);
    CHECK_FALSE(chain.check("c1").has_value());
    must(chain.remove("c1", "/run/netns/gone"));
    CHECK(fixture.log() == "two DEL c1  eth0 \none DEL c1  eth0 \n"); // without a namespace
    CHECK(must(chain.known()).empty());
}

TEST_CASE("a container is taken out of the network that it was put in, whatever the configuration says now", "[cni]") {
    Fixture fixture;
    Chain chain = fixture.chain();
    (void)must(chain.add(configuration(), fixture.attachment()));
    fixture.script("three", "false");
    (void)fixture.log();
    must(fixture.chain().remove("c1", fixture.netns())); // another engine, which never saw that configuration
    CHECK(fixture.log().starts_with("two DEL"));
}

TEST_CASE("garbage of networks is collected by plugins that can", "[cni]") {
    Fixture fixture;
    Chain chain = fixture.chain();
    const Configuration old = configuration();
    const Configuration current = configuration("1.1.0");
    (void)must(chain.add(current, fixture.attachment("kept")));
    (void)must(chain.add(current, fixture.attachment("gone")));
    (void)fixture.log();
    must(chain.collect_garbage(&old, [](const std::string &) { return true; }));
    CHECK_FALSE(fixture.called()); // 1.0.0 knows no GC

    const auto kept = [](const std::string &container) { return container == "kept"; };
    must(chain.collect_garbage(&current, kept));
    const std::string log = fixture.log();
    CHECK(log.starts_with("two DEL gone"));
    CHECK(log.contains("one GC"));
    CHECK(log.contains("two GC"));
    CHECK(fixture.input("one.GC").contains(R"("cni.dev/valid-attachments":[{"containerID":"kept","ifname":"eth0"}])"));
    CHECK(must(chain.known()).size() == 1);

    Configuration without = current;
    without.garbage_collected = false;
    must(chain.collect_garbage(&without, kept));
    CHECK_FALSE(fixture.called());
}

TEST_CASE("a network is ready when its plugins are there and say so", "[cni]") {
    Fixture fixture;
    Chain chain = fixture.chain();
    must(chain.ready(configuration()));
    CHECK_FALSE(fixture.called()); // 1.0.0 knows no STATUS
    must(chain.ready(configuration("1.1.0")));
    CHECK(fixture.log() == "one STATUS    \ntwo STATUS    \n");
    fixture.script("two", ":", R"(echo '{"code":50,"msg":"no route yet"}'; exit 1)");
    CHECK(error_of(chain.ready(configuration("1.1.0"))).message == "network pods: two: no route yet");
    fs::remove(fixture.place.path() / "one");
    CHECK(error_of(chain.ready(configuration())).code == ENOENT);
}

TEST_CASE("a container without a network namespace is not attached", "[cni]") {
    Fixture fixture;
    Attachment attachment = fixture.attachment();
    attachment.network_namespace.clear();
    CHECK(error_of(fixture.chain().add(configuration(), attachment)).code == EINVAL);
    attachment = fixture.attachment("../x");
    CHECK(error_of(fixture.chain().add(configuration(), attachment)).code == EINVAL);
    CHECK_FALSE(fixture.called());
}
