// SPDX-License-Identifier: Apache-2.0
#include "updater/space.h"

#include <sys/mount.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;

TEST_CASE("missing room is told by name and in numbers", "[updater]") {
    must(check_room("/boot", {.bytes = 10, .files = 1}, {.bytes = 10, .files = 1}));
    const Error bytes = error_of(check_room("/boot", {.bytes = 120 << 20, .files = 1}, {.bytes = 3 << 19, .files = 9}));
    REQUIRE(bytes.code == ENOSPC);
    REQUIRE(bytes.message == "/boot: the update needs 120 MiB and 1.5 MiB are free");
    const Error files = error_of(check_room("/", {.bytes = 1, .files = 7}, {.bytes = 10, .files = 6}));
    REQUIRE(files.message == "/: the update needs 7 inodes and 6 are free");
}

TEST_CASE("what is reserved cannot be taken by others, until it is given back", "[updater][root]") {
    const TemporaryDirectory directory = scratch();
    const int outcome = in_mount_namespace([&] {
        constexpr std::uint64_t kMiB = 1 << 20;
        if (::mount("none", directory.path().c_str(), "tmpfs", 0, "size=8m") != 0) {
            return 1;
        }
        const auto room = [&] { return room_at(directory.path())->bytes; };
        {
            Result<Reservation> reservation = Reservation::make(directory.path() / "reserved", 6 * kMiB);
            if (!reservation.has_value() || room() > 2 * kMiB) {
                return 2;
            }
            reservation->shrink_to(1 * kMiB);
            reservation->shrink_to(4 * kMiB); // it does not grow
            if (room() < 6 * kMiB) {
                return 3;
            }
        }
        if (room() != 8 * kMiB || std::filesystem::exists(directory.path() / "reserved")) {
            return 4;
        }
        const auto leftover = write_file(directory.path() / "reserved", std::string(5 * kMiB, 'x'));
        if (!leftover.has_value() || !Reservation::make(directory.path() / "reserved", 6 * kMiB).has_value()) {
            return 5;
        }
        return Reservation::make(directory.path() / "reserved", 9 * kMiB).error().code == ENOSPC ? 0 : 6;
    });
    REQUIRE(outcome == 0);
}
