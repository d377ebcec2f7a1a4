// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/snapshot_key.h"

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <set>

#include "base/file_io.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

struct Fixture {
    TemporaryDirectory directory = std::move(*TemporaryDirectory::create("/tmp", "key-test-"));
    MachineOptions options;

    Fixture() {
        options.image = directory.path() / "image";
        REQUIRE(write_file(options.image, "image").has_value());
        options.direct_kernel = DirectKernel{options.image, "", "quiet"};
        REQUIRE(make_directories(directory.path() / "seed").has_value());
        REQUIRE(write_file(directory.path() / "seed/user-data", "one").has_value());
        options.seed = directory.path() / "seed";
    }
    std::string key(const nlohmann::json &environment = {{"qemu", "10"}}) const {
        const auto made = snapshot_key(options, environment);
        REQUIRE(made.has_value());
        return *made;
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a snapshot's key stays the same for the same machine", "[vm]") {
    const std::string before = key();
    CHECK(before.size() == 32);
    CHECK(key() == before);
    options.forwarded_ports = {80}; // the host's business
    options.log_directory = "/elsewhere";
    options.ready_timeout = std::chrono::seconds(1);
    CHECK(key() == before);
}

TEST_CASE_METHOD(Fixture, "a snapshot's key changes with everything that makes the machine", "[vm]") {
    std::set<std::string> keys{key(), key({{"qemu", "11"}})};
    const std::vector<std::function<void()>> changes = {
        [this] { options.memory = 512; },
        [this] { options.cpus = 1; },
        [this] { options.disk_size = 1 << 30; },
        [this] { options.firmware = Firmware::kUefi; },
        [this] { options.network_card = NetworkCard::kE1000e; },
        [this] { options.disk_bus = DiskBus::kNvme; },
        [this] { options.credentials["name"] = "\xff"; },
        [this] { options.console_login = true; },
        [this] { options.direct_kernel->command_line = "debug"; },
        [this] { REQUIRE(write_file(options.seed / "user-data", "two").has_value()); },
        [this] { options.seed.clear(); },
        [this] { REQUIRE(write_file(options.image, "IMAGE").has_value()); }, // same size
    };
    for (const auto &change : changes) {
        change();
        INFO("change " << keys.size() - 2);
        CHECK(keys.insert(key()).second);
    }
}

TEST_CASE_METHOD(Fixture, "a file's identity sees a change in its first and in its last MiB", "[vm]") {
    std::string content(3 << 20, 'x');
    const auto identity = [&](std::size_t at) {
        std::string changed = content;
        changed[at] = 'y';
        REQUIRE(write_file(options.image, changed).has_value());
        auto known = *file_identity(options.image);
        known.erase("modified");
        return known;
    };
    const auto first = identity(0);
    const auto last = identity(content.size() - 1);
    CHECK(first != last);
    CHECK(first["size"] == 3 << 20);
    CHECK(identity(0) == first);
}

TEST_CASE_METHOD(Fixture, "a missing image is named", "[vm]") {
    options.image = directory.path() / "no-such-image";
    const auto made = snapshot_key(options, {});
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message.contains("no-such-image"));
}
