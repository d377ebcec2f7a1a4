// SPDX-License-Identifier: Apache-2.0
// What is staged on a running system, and what the shutdown makes of it.
#include "base/subprocess.h"
#include "tests/integration/updater/booted.h"

using namespace ballast;
using namespace ballast::updater;
using namespace ballast::updater_test;
namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

namespace {

Status expect(bool condition, const char *what) { return condition ? Status() : Status(fail(EINVAL, what)); }

} // namespace

TEST_CASE("what is staged becomes the next deployment at shutdown, with arguments and /etc carried",
          "[updater][root]") {
    World world;
    world.commit("2");
    const Offer offer = must(world.open().look(world.source(), kRef, kNow));
    must(world.open().pull(world.source(), offer, {}));
    const Deployment first = must(world.open().deployments())[0];
    must(write_file(first.directory / "etc/mine", "kept"));

    const int outcome = on_running(world, [&]() -> Status {
        Sysroot sysroot = TRY(Sysroot::open({.sysroot = "/", .run = "/run/ballast-updater", .stateroot = "other"}));
        TRY(expect(TRY(sysroot.deployments()).at(0).booted, "the first deployment runs"));
        Deploying deploying{.checksum = offer.commit.checksum, .refspec = offer.refspec, .kernel_arguments = {}};
        deploying.kernel_arguments.append = {"one=1"};
        TRY(sysroot.deploy(deploying));
        deploying.kernel_arguments.append = {"two=2"};
        TRY(sysroot.deploy(deploying)); // in place of the first, and on top of its arguments
        const std::vector<Deployment> staged = TRY(sysroot.deployments());
        TRY(expect(staged.size() == 2 && staged[0].staged && !staged[0].booted, "the second is staged"));
        TRY(expect(staged[1].booted, "the first still runs"));
        TRY(expect(staged[0].kernel_arguments == Texts{"quiet", "console=tty0", "one=1", "two=2"}, "all arguments"));
        TRY(expect(sysroot.pin(staged[0].name(), true).error().code == EBUSY, "what is staged cannot be pinned"));
        TRY(expect(sysroot.remove(staged[1].name()).error().code == EBUSY, "what runs cannot be removed"));
        (void)TRY(run_checked({.arguments = {"ostree", "admin", "finalize-staged"}})); // as the shutdown does
        return {};
    });
    REQUIRE(outcome == 0);
    const std::vector<Deployment> after = must(world.open().deployments());
    REQUIRE(after.size() == 2);
    CHECK(after[0].commit.version == "2");
    CHECK(after[0].kernel_arguments == Texts{"quiet", "console=tty0", "one=1", "two=2"});
    CHECK(must(read_file(after[0].directory / "etc/mine")) == "kept");
    CHECK(after[1].name() == first.name());
    CHECK(world.boot_menu().contains("set ballast_newest=ostree-" + after[0].name() + "-"));
}

TEST_CASE("what is staged goes when an older deployment is made the next one", "[updater][root]") {
    World world;
    const std::string first = must(world.open().deployments())[0].name();
    world.commit("2");
    const Offer second = must(world.open().look(world.source(), kRef, kNow));
    must(world.open().pull(world.source(), second, {}));
    must(world.open().deploy({.checksum = second.commit.checksum, .refspec = second.refspec}));
    world.commit("3");
    const Offer third = must(world.open().look(world.source(), kRef, kNow));
    must(world.open().pull(world.source(), third, {}));

    const int outcome = on_running(world, [&]() -> Status { // the second runs
        Sysroot sysroot = TRY(Sysroot::open({.sysroot = "/", .run = "/run/ballast-updater", .stateroot = "ballast"}));
        TRY(sysroot.deploy({.checksum = third.commit.checksum, .refspec = third.refspec}));
        TRY(expect(TRY(sysroot.deployments()).size() == 3, "three deployments"));
        TRY(sysroot.make_first(first));
        const std::vector<Deployment> left = TRY(sysroot.deployments());
        TRY(expect(left.size() == 2 && left[0].name() == first && left[1].booted, "the first is next"));
        return expect(!fs::exists("/run/ostree/staged-deployment"), "nothing is staged");
    });
    REQUIRE(outcome == 0);
    CHECK(world.versions() == Texts{"1", "2"});
}
