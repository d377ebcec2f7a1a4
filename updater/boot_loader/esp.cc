// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/esp.h"

#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/file_io.h"

namespace ballast::updater::boot_loader {
namespace {

namespace fs = std::filesystem;

struct BootFile {
    const char *from; // its name in the tree
    const char *to;   // its path on the ESP
};
// In the order in which they are replaced.
constexpr BootFile kFiles[] = {
    {"core.cfg", "EFI/debian/grub.cfg"},
    {"grubx64.efi", "EFI/BOOT/grubx64.efi"},
    {"mmx64.efi", "EFI/BOOT/mmx64.efi"},
    {"shimx64.efi", "EFI/BOOT/BOOTX64.EFI"},
};
constexpr const char *kNew = ".new"; // behind the name, while it is not in its place

struct Change {
    fs::path place;
    std::string content;
    bool exists = false;

    fs::path made() const { return place.string() + kNew; }
};

void before(const Step &step) {
    if (step) {
        step();
    }
}

// Nothing: it is what it should be.
Result<std::optional<Change>> change_of(const fs::path &from, const fs::path &place) {
    std::string wanted = TRY(read_file(from));
    const Result<std::string> there = read_file(place);
    if (!there.has_value() && there.error().code != ENOENT) {
        return std::unexpected(there.error());
    }
    if (there.has_value() && *there == wanted) {
        return std::nullopt;
    }
    return Change{.place = place, .content = std::move(wanted), .exists = there.has_value()};
}

Status remove_made(const fs::path &place, const Step &step) {
    const std::string made = place.string() + kNew;
    if (::access(made.c_str(), F_OK) != 0) {
        return {};
    }
    before(step);
    return ::unlink(made.c_str()) == 0 ? Status() : fail_errno("remove " + made);
}

Status write_new(const Change &change, const Step &step) {
    before(step);
    const Fd fd = TRY(open_file(change.made(), O_WRONLY | O_CREAT | O_EXCL, 0600));
    TRY(write_all(fd, change.content).within("write " + change.made().string()));
    return ::fsync(fd.get()) == 0 ? Status() : fail_errno("sync " + change.made().string());
}

Status put_in_place(const Change &change, const Step &step) {
    before(step);
    const unsigned flags = change.exists ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (::renameat2(AT_FDCWD, change.made().c_str(), AT_FDCWD, change.place.c_str(), flags) != 0) {
        return fail_errno("put " + change.place.string() + " in place");
    }
    return sync_directory(change.place.parent_path());
}

Status write_all_new(const std::vector<Change> &changes, const Step &step) {
    for (const Change &change : changes) {
        TRY(make_directories(change.place.parent_path(), 0700));
        if (const Status written = write_new(change, step); !written.has_value()) {
            for (const Change &one : changes) { // the room that is missing is taken by these
                (void)remove_made(one.place, {});
            }
            return written;
        }
    }
    for (const Change &change : changes) {
        TRY(sync_directory(change.place.parent_path()));
    }
    return {};
}

} // namespace

Result<bool> update_esp(const fs::path &from, const fs::path &esp, const Step &step) {
    std::vector<Change> changes;
    for (const BootFile &file : kFiles) {
        TRY(remove_made(esp / file.to, step));
        if (std::optional<Change> change = TRY(change_of(from / file.from, esp / file.to))) {
            changes.push_back(std::move(*change));
        }
    }
    TRY(write_all_new(changes, step));
    for (const Change &change : changes) {
        TRY(put_in_place(change, step));
    }
    for (const Change &change : changes) {
        TRY(remove_made(change.place, step));
        TRY(sync_directory(change.place.parent_path()));
    }
    return !changes.empty();
}

} // namespace ballast::updater::boot_loader
