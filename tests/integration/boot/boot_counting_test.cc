// SPDX-License-Identifier: Apache-2.0
// The boot counter in real GRUB: the fixed grub.cfg and the generated menu, power cycled.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/digest.h"
#include "tests/integration/boot/scenario.h"

namespace ballast::boot_test {
namespace {

// Not the arrow keys: several bytes, of which a busy machine may make several keys.
constexpr const char *kUp = "\x10";   // ^P
constexpr const char *kDown = "\x0e"; // ^N
constexpr const char *kEnter = "\r";

std::string boots(Scenario &scenario, int times) {
    std::string started;
    for (int count = 0; count < times; ++count) {
        started += scenario.boot();
    }
    return started;
}

// [b, a] with a good: an update that waits for its first start.
void updated(Scenario &scenario) {
    scenario.deploy({{'b'}, {'a'}});
    scenario.record_good('a');
}

TEST_CASE("a new deployment is started three times and then the good one", "[boot]") {
    Scenario scenario;
    updated(scenario);
    CHECK(scenario.boot() == 'b');
    CHECK(scenario.variable("trial") == scenario.id('b'));
    CHECK(scenario.variable("tries") == "2");
    CHECK(boots(scenario, 4) == "bbaa");
    scenario.record_good('a'); // as the good system does each time it comes up: b stays refused
    CHECK(scenario.boot() == 'a');
    CHECK(scenario.variable("good") == scenario.id('a'));

    // The next update has tries of its own.
    scenario.deploy({{'e'}, {'a'}});
    CHECK(boots(scenario, 4) == "eeea");
}

TEST_CASE("a deployment that was recorded as good stays, and starts without a write", "[boot]") {
    Scenario scenario;
    updated(scenario);
    CHECK(scenario.boot() == 'b');
    scenario.record_good('b');
    CHECK(scenario.variable("trial") == std::nullopt);
    CHECK(scenario.variable("tries") == std::nullopt);
    const auto before = sha256_file(scenario.disk().path());
    CHECK(boots(scenario, 4) == "bbbb");
    const auto after = sha256_file(scenario.disk().path());
    REQUIRE(before.has_value());
    REQUIRE(after.has_value());
    CHECK(*before == *after);
}

TEST_CASE("with no previous deployment the only one is tried for ever", "[boot]") {
    Scenario scenario;
    scenario.deploy({{'a'}});
    CHECK(boots(scenario, 5) == "aaaaa");
    CHECK(scenario.variable("tries") == "0");
}

TEST_CASE("a rollback is a trial as well, with the rolled back deployment behind it", "[boot]") {
    Scenario scenario;
    updated(scenario);
    scenario.record_good('b');
    scenario.deploy({{'a'}, {'b'}});
    CHECK(boots(scenario, 4) == "aaab");
}

TEST_CASE("the good deployment is found wherever it stands in the menu", "[boot]") {
    Scenario scenario;
    scenario.deploy({{'b'}, {'d'}, {'a'}});
    scenario.record_good('a');
    CHECK(boots(scenario, 4) == "bbba");
}

TEST_CASE("when the good deployment is gone the second one stands in for it", "[boot]") {
    Scenario scenario;
    updated(scenario);
    scenario.deploy({{'d'}, {'b'}});
    CHECK(boots(scenario, 4) == "dddb");
}

TEST_CASE("new kernel arguments of the good deployment are a trial", "[boot]") {
    Scenario scenario;
    updated(scenario);
    scenario.record_good('b');
    const std::string before = scenario.id('b');
    scenario.deploy({{'b', "quiet nonsense"}, {'a'}});
    CHECK(scenario.id('b') != before);
    CHECK(boots(scenario, 4) == "bbba");
}

TEST_CASE("a damaged environment block starts the newest deployment", "[boot]") {
    Scenario scenario;
    updated(scenario);
    SECTION("nothing of it is left") {
        REQUIRE(scenario.disk().write_block(std::string(updater::kEnvironmentSize, '\xff')).has_value());
        CHECK(boots(scenario, 4) == "bbbb");
    }
    SECTION("zeros") {
        REQUIRE(scenario.disk().write_block(std::string(updater::kEnvironmentSize, '\0')).has_value());
        CHECK(scenario.boot() == 'b');
    }
    SECTION("the file is missing") {
        REQUIRE(remove_tree(scenario.tree() / "grub2/grubenv").has_value());
        scenario.install();
        CHECK(scenario.boot() == 'b');
    }
    SECTION("the file is empty") {
        REQUIRE(write_file(scenario.tree() / "grub2/grubenv", "").has_value());
        scenario.install();
        CHECK(scenario.boot() == 'b');
    }
    SECTION("the variables are nonsense") {
        updater::GrubEnvironment environment;
        REQUIRE(environment.set("good", "'; reboot; $root \"").has_value());
        REQUIRE(environment.set("trial", scenario.id('b')).has_value());
        REQUIRE(environment.set("tries", "-1 x").has_value());
        REQUIRE(scenario.disk().write_block(environment.format().value()).has_value());
        CHECK(boots(scenario, 4) == "bbba"); // with no good one known, the one before it
    }
    SECTION("variables that are not the counter's do not get in") {
        updater::GrubEnvironment environment;
        REQUIRE(environment.set("root", "nowhere").has_value());
        REQUIRE(environment.set("ballast_previous", "restart").has_value());
        REQUIRE(scenario.disk().write_block(environment.format().value()).has_value());
        CHECK(boots(scenario, 4) == "bbba");
        CHECK(scenario.variable("root") == "nowhere"); // and are left alone
    }
}

TEST_CASE("when the count cannot be saved the good deployment starts", "[boot]") {
    Scenario scenario;
    updated(scenario);
    scenario.machine().read_only = true;
    CHECK(boots(scenario, 2) == "aa");
    SECTION("and the newest when none is good") {
        REQUIRE(scenario.disk().write_block(updater::GrubEnvironment().format().value()).has_value());
        CHECK(scenario.boot() == 'b');
    }
    SECTION("and the newest when that is the good one") {
        scenario.record_good('b');
        CHECK(scenario.boot() == 'b');
    }
}

TEST_CASE("an entry whose kernel cannot be loaded gives way at once", "[boot]") {
    Scenario scenario;
    SECTION("the newest") {
        scenario.deploy({{'b', "quiet", false}, {'a'}});
        scenario.record_good('a');
        CHECK(boots(scenario, 2) == "aa");
    }
    SECTION("the newest, though it is good") {
        scenario.deploy({{'b', "quiet", false}, {'a'}});
        scenario.record_good('b');
        CHECK(scenario.boot() == 'a');
    }
    SECTION("the good one, after the newest used up its tries") {
        scenario.deploy({{'b'}, {'a', "quiet", false}});
        scenario.record_good('a');
        CHECK(boots(scenario, 4) == "bbbb");
    }
    SECTION("all of them: the machine restarts") {
        scenario.deploy({{'b', "quiet", false}, {'a', "quiet", false}});
        CHECK(scenario.boot() == '?');
        CHECK(scenario.console().contains("Restarting in 10 seconds."));
    }
}

TEST_CASE("a boot file system without its loader link still starts a deployment", "[boot]") {
    Scenario scenario;
    updated(scenario);
    SECTION("the link is missing") {
        REQUIRE(remove_tree(scenario.tree() / "loader").has_value());
        scenario.install();
        CHECK(scenario.boot() == 'b');
    }
    SECTION("the menu is missing: the machine restarts") {
        REQUIRE(remove_tree(scenario.tree() / "loader.0").has_value());
        scenario.install();
        CHECK(scenario.boot() == '?');
        CHECK(scenario.console().contains("Restarting in 10 seconds."));
    }
}

TEST_CASE("a person at the menu starts what they choose", "[boot]") {
    Scenario scenario(GENERATE(Firmware::kBios, Firmware::kUefi));
    updated(scenario);
    SECTION("the previous one, and the trial loses no try") {
        CHECK(scenario.boot_choosing(std::string(kDown) + kEnter) == 'a');
        CHECK(scenario.variable("tries") == std::nullopt);
        CHECK(boots(scenario, 4) == "bbba");
    }
    SECTION("the one on trial, which is counted") {
        CHECK(scenario.boot_choosing(kEnter) == 'b');
        CHECK(scenario.variable("tries") == "2");
    }
    SECTION("the one that has used up its tries") {
        CHECK(boots(scenario, 4) == "bbba");
        CHECK(scenario.boot_choosing(std::string(kUp) + kEnter) == 'b');
        CHECK(scenario.boot() == 'a');
    }
}

TEST_CASE("kernel arguments and titles reach GRUB word by word", "[boot]") {
    Scenario scenario;
    scenario.deploy(
        {{'a', "console=tty0 console=ttyS0,115200 one=\"a b\" \"two words\" cost=$5;{x}&|<>#* glob=[a]?~!%()"}});
    CHECK(scenario.boot() == 'a');
    for (const char *word : {"<console=tty0>", "<console=ttyS0,115200>", "<one=a b>", "<two words>",
                             "<cost=$5;{x}&|<>#*>", "<glob=[a]?~!%()>"}) {
        INFO(word);
        CHECK(scenario.console().contains(word));
    }
}

TEST_CASE("Debian's signed GRUB counts under UEFI and under Secure Boot", "[boot]") {
    const Firmware firmware = GENERATE(Firmware::kUefi, Firmware::kSecureBoot);
    Scenario scenario(firmware);
    updated(scenario);
    CHECK(boots(scenario, 4) == "bbba");
    CHECK(scenario.console().contains("lockdown=y") == (firmware == Firmware::kSecureBoot));
    scenario.record_good('b');
    CHECK(scenario.boot() == 'b');
}

} // namespace
} // namespace ballast::boot_test
