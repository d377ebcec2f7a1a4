// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/judge.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/lines.h"
#include "base/positioned_io.h"
#include "base/subprocess.h"

namespace ballast::power {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kChunk = 1U << 20, kBlock = 1U << 12;

// Where the next bytes are that are not a hole; the end when there are none.
std::uint64_t next_data(BorrowedFd file, std::uint64_t from, std::uint64_t end) {
    const off_t found = ::lseek(file.get(), static_cast<off_t>(from), SEEK_DATA);
    return found < 0 ? end : static_cast<std::uint64_t>(found);
}

// Writes the blocks that differ, and notes where they are.
Status copy_chunk(BorrowedFd from, BorrowedFd to, std::uint64_t at, std::vector<Range> &written) {
    const std::string what = "copy a disk";
    const std::string wanted = TRY(read_at(from, at, kChunk, what));
    std::string there = TRY(read_at(to, at, kChunk, what));
    there.resize(wanted.size());
    if (wanted == there) {
        return {};
    }
    for (std::size_t block = 0; block < wanted.size(); block += kBlock) {
        const std::string_view bytes = std::string_view(wanted).substr(block, kBlock);
        if (bytes != std::string_view(there).substr(block, kBlock)) {
            TRY(write_at(to, at + block, bytes, what));
            written.push_back({at + block, bytes.size()});
        }
    }
    return {};
}

// Names, kinds, modes and sizes. What is in the files is the repository's: they are its objects.
Result<std::string> digest_of_tree(const fs::path &directory) {
    std::vector<std::string> lines = lines_of(
        TRY(run_checked({.arguments = {"find", ".", "-printf", "%p %y %m %s %l\\n"}, .directory = directory})));
    std::ranges::sort(lines);
    std::string all;
    for (const std::string &line : lines) {
        all += line.find(" d ") == std::string::npos ? line : line.substr(0, line.find(" d ")); // of varying sizes
        all += '\n';
    }
    return sha256(all);
}

} // namespace

Result<std::vector<Range>> copy_differences(const fs::path &disk, const fs::path &copy) {
    const Fd from = TRY(open_file(disk, O_RDONLY)), to = TRY(open_file(copy, O_RDWR | O_CREAT, 0600));
    struct stat status{};
    if (::fstat(from.get(), &status) != 0 || ::ftruncate(to.get(), status.st_size) != 0) {
        return fail_errno("size " + copy.string());
    }
    const auto end = static_cast<std::uint64_t>(status.st_size);
    std::vector<Range> written;
    for (std::uint64_t at = 0; at < end; at += kChunk) {
        at = std::min(next_data(from, at, end), next_data(to, at, end)) / kChunk * kChunk;
        if (at < end) {
            TRY(copy_chunk(from, to, at, written));
        }
    }
    return written;
}

Judge::Judge(fs::path disk, fs::path scratch, std::vector<std::string> kept)
    : disk_(std::move(disk)), scratch_(std::move(scratch)), kept_(std::move(kept)) {}

Result<Judge::Deployment> Judge::look_at(const GrubDisk &grub, const MenuEntry &entry) const {
    Deployment found;
    found.kernel = TRY(sha256_file(TRY(grub.copy_of(entry.kernel))));
    found.initramfs = TRY(sha256_file(TRY(grub.copy_of(entry.initramfs))));
    found.tree = TRY(digest_of_tree(sysroot().string() + entry.ostree + "/usr"));
    return found;
}

Result<Mounted> Judge::replayed(const fs::path &disk) {
    const fs::path copy = scratch_ / "replayed.raw";
    const std::vector<Range> written = TRY(copy_differences(disk, copy));
    written_.insert(written_.end(), written.begin(), written.end());
    const LoopDevice boot = TRY(LoopDevice::create(copy, kBootPartition));
    TRY(check_file_system(boot).within("the boot partition"));
    const LoopDevice root = TRY(LoopDevice::create(copy, kRootPartition));
    TRY(check_file_system(root).within("the root partition"));
    root_offset_ = root.offset();
    return Mounted::read_only(root, sysroot());
}

Status Judge::learn(const fs::path &disk) {
    const Mounted mounted = TRY(replayed(disk));
    const GrubDisk grub(disk, scratch_);
    for (const MenuEntry &entry : TRY(grub.menu())) {
        const Deployment found = TRY(look_at(grub, entry));
        const Deployment &known = known_.try_emplace(entry.id, found).first->second;
        if (known != found) {
            return fail(EINVAL, entry.id + " was learnt otherwise before");
        }
    }
    return {};
}

Status Judge::judge_entry(const GrubDisk &grub, const MenuEntry &entry) const {
    const auto known = known_.find(entry.id);
    if (known == known_.end()) {
        return fail(EUCLEAN, "the menu has an entry that never was: " + entry.id);
    }
    const Deployment found = TRY(look_at(grub, entry).within(entry.id));
    if (found != known->second) {
        return fail(EUCLEAN, entry.id + ": " +
                                 (found.kernel != known->second.kernel         ? "the kernel"
                                  : found.initramfs != known->second.initramfs ? "the initramfs"
                                                                               : "the tree") +
                                 " is not whole");
    }
    return {};
}

Status Judge::judge_kept(const MenuEntry &entry) const {
    std::error_code error;
    const fs::path deployment = fs::canonical(sysroot().string() + entry.ostree, error);
    if (error) {
        return fail(error.value(), entry.id + ": " + entry.ostree + " leads nowhere");
    }
    for (const std::string &file : kept_) {
        const fs::path place = file.starts_with("/var/") ? deployment.parent_path().parent_path().string() + file
                                                         : deployment.string() + file;
        if (TRY(read_file(place)) != "kept\n") {
            return fail(EUCLEAN, entry.id + ": " + file + " has lost its content");
        }
    }
    const fs::path record = deployment.parent_path().parent_path() / "var/lib/ballast-updater/state.json";
    if (fs::exists(record) && nlohmann::json::parse(TRY(read_file(record)), nullptr, false).is_discarded()) {
        return fail(EUCLEAN, "the updater's record is damaged");
    }
    return {};
}

// All of it is read where an object is new, or something was written to where one lies.
Status Judge::judge_repository() {
    const fs::path repository = sysroot() / "ostree/repo";
    if (objects_ && TRY(objects_->are_left_alone(repository, written_))) {
        written_.clear();
        return {};
    }
    const Completed done = TRY(run({.arguments = {"ostree", "fsck", "--quiet", "--repo=" + repository.string()}}));
    if (done.status != 0) {
        return fail(EUCLEAN, "ostree fsck: " + done.output + done.errors);
    }
    objects_ = TRY(WholeObjects::of(repository, root_offset_));
    written_.clear();
    return {};
}

Result<Verdict> Judge::judge() {
    Verdict verdict;
    const auto note = [&](const Status &status) {
        if (!status.has_value()) {
            verdict.complaints.push_back(status.error().message);
        }
    };
    const GrubDisk grub(disk_, scratch_);
    const Result<updater::GrubEnvironment> environment = grub.environment();
    note(environment.has_value() ? Status() : std::unexpected(environment.error()));
    const Result<std::vector<MenuEntry>> menu = grub.menu();
    if (!menu.has_value()) {
        note(std::unexpected(menu.error()));
        return verdict;
    }
    verdict.starts = entry_that_starts(*menu, environment.value_or(updater::GrubEnvironment()));
    const Result<Mounted> mounted = replayed(disk_);
    if (!mounted.has_value()) {
        note(std::unexpected(mounted.error()));
        return verdict;
    }
    for (const MenuEntry &entry : *menu) {
        note(judge_entry(grub, entry));
        note(judge_kept(entry));
    }
    note(judge_repository());
    return verdict;
}

} // namespace ballast::power
