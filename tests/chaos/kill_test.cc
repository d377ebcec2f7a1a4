// SPDX-License-Identifier: Apache-2.0
// The kill test without a machine: the engine under a service manager of ours, no cgroups.
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <net/if.h>
#include <random>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "tests/chaos/kills.h"
#include "tests/chaos/service_manager.h"
#include "tests/unit/check.h"
#include "tests/unit/setting.h"

namespace ballast::chaos {
namespace {

namespace fs = std::filesystem;

constexpr int kSeconds = 8;

// The registry is there.
void raise_loopback() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{.ifr_ifrn = {.ifrn_name = "lo"}, .ifr_ifru = {.ifru_flags = IFF_UP}};
    REQUIRE(::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0); // netdevice(7)
}

} // namespace

TEST_CASE("killed at random, engine, monitors and runtime come back to the truth", "[chaos][root]") {
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        SKIP("needs root, to make a mount namespace");
    }
    raise_loopback();
    const TemporaryDirectory directory = must(TemporaryDirectory::create("/tmp", "chaos-"));
    const fs::path root = directory.path();
    REQUIRE(::mount("tmpfs", root.c_str(), "tmpfs", 0, "mode=0700") == 0);
    for (const char *name : {"programs", "out", "data", "run"}) {
        must(make_directories(root / name, 0700));
    }
    // Copies: that is how the programs of this engine are told from those of other tests.
    for (const char *program :
         {BALLAST_DAEMON_PROGRAM, BALLAST_MONITOR_PROGRAM, BALLAST_OCI_PROGRAM, BALLAST_INIT_PROGRAM}) {
        fs::copy_file(program, root / "programs" / fs::path(program).filename());
    }
    must(write_file(root / "engine.json", R"({"cgroups": "disabled"})"));
    const Place place{.socket = root / "socket",
                      .programs = root / "programs",
                      .out = root / "out",
                      .data_root = root / "data",
                      .run_root = root / "run"};
    const Effort effort{.seconds = static_cast<int>(setting("BALLAST_CHAOS_SECONDS", kSeconds)),
                        .seed = static_cast<unsigned>(setting("BALLAST_CHAOS_SEED", std::random_device()()))};
    std::cout << "seed " << effort.seed << "\n" << std::flush;
    std::vector<std::string> problems;
    {
        const ServiceManager manager({place.programs / "ballastd", "--config", root / "engine.json", "--data-root",
                                      place.data_root, "--exec-root", place.run_root, "--programs", place.programs,
                                      "--host", "fd://", "--debug"},
                                     place.socket, root / "log");
        problems = kill_at_random(place, effort, BALLAST_WORKER_PROGRAM, [&manager] { return manager.kept(); });
    }
    for (const std::string &problem : problems) {
        UNSCOPED_INFO(problem);
    }
    if (!problems.empty() && std::getenv("BALLAST_CHAOS_KEEP") != nullptr) {
        fs::copy_file(root / "log", std::getenv("BALLAST_CHAOS_KEEP"), fs::copy_options::overwrite_existing);
    }
    CHECK(problems.empty());
    (void)::umount2(root.c_str(), MNT_DETACH);
}

} // namespace ballast::chaos
