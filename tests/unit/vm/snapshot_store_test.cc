// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/snapshot_store.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "base/file_io.h"
#include "tests/vm/snapshot_key.h"

using namespace ballast;
using namespace ballast::vm;
namespace fs = std::filesystem;

namespace {

struct Store {
    TemporaryDirectory state = std::move(*TemporaryDirectory::create("/tmp", "store-test-"));
    fs::path image = state.path() / "image";

    Store() { REQUIRE(write_file(image, "image").has_value()); }
    // Fills a snapshot as the machine does.
    std::function<Status(const fs::path &)> maker(int *made = nullptr) {
        return [this, made](const fs::path &directory) -> Status {
            if (made != nullptr) {
                ++*made;
            }
            return write_file(directory / Snapshot::kImageFile, TRY(file_identity(image)).dump());
        };
    }
};

} // namespace

TEST_CASE_METHOD(Store, "a snapshot is made once and found ever after", "[vm]") {
    int made = 0;
    for (int i = 0; i < 3; ++i) {
        const Result<Snapshot> snapshot = Snapshot::open_or_make(state.path(), "key", maker(&made));
        REQUIRE(snapshot.has_value());
        CHECK(fs::exists(snapshot->path() / Snapshot::kImageFile));
    }
    CHECK(made == 1);
}

TEST_CASE_METHOD(Store, "a half-made snapshot does not count, and its error is told", "[vm]") {
    const auto broken = Snapshot::open_or_make(state.path(), "key", [](const fs::path &directory) -> Status {
        TRY(write_file(directory / "memory", "half"));
        return fail(ENOSPC, "no space");
    });
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().code == ENOSPC);
    CHECK_FALSE(fs::exists(state.path() / "snapshots/key"));
    CHECK_FALSE(fs::exists(state.path() / "snapshots/key.partial"));

    // What a killed process leaves.
    REQUIRE(make_directories(state.path() / "snapshots/key.partial").has_value());
    REQUIRE(write_file(state.path() / "snapshots/key.partial/memory", "half").has_value());
    const auto whole = Snapshot::open_or_make(state.path(), "key", maker());
    REQUIRE(whole.has_value());
    CHECK_FALSE(fs::exists(whole->memory()));
}

TEST_CASE_METHOD(Store, "of several who ask at once one makes the snapshot and the others wait", "[vm]") {
    std::atomic<int> made = 0;
    std::atomic<int> found = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            const auto snapshot = Snapshot::open_or_make(state.path(), "key", [&](const fs::path &directory) {
                ++made;
                std::this_thread::sleep_for(std::chrono::milliseconds(30));
                return write_file(directory / "memory", "whole");
            });
            found += snapshot.has_value() && read_file(snapshot->memory()).value_or("") == "whole" ? 1 : 0;
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(made == 1);
    CHECK(found == 4);
}

TEST_CASE_METHOD(Store, "a snapshot goes when its image has changed, but not from under its users", "[vm]") {
    std::optional<Snapshot> used;
    used.emplace(std::move(*Snapshot::open_or_make(state.path(), "used", maker())));
    REQUIRE(Snapshot::open_or_make(state.path(), "idle", maker()).has_value());
    remove_stale_snapshots(state.path());
    CHECK(fs::exists(state.path() / "snapshots/idle")); // the image is as it was

    REQUIRE(write_file(image, "another image").has_value());
    remove_stale_snapshots(state.path());
    CHECK(fs::exists(state.path() / "snapshots/used"));
    CHECK_FALSE(fs::exists(state.path() / "snapshots/idle"));
    used.reset();
    remove_stale_snapshots(state.path());
    CHECK_FALSE(fs::exists(state.path() / "snapshots/used"));
}
