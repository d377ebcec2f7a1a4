// SPDX-License-Identifier: Apache-2.0
#include "image-build/release/publish.h"

#include <algorithm>
#include <optional>

#include "base/file_io.h"
#include "image-build/release/debian_changelog.h"
#include "image-build/release/history.h"
#include "image-build/release/repository.h"

namespace ballast::image_build::release {
namespace {

namespace fs = std::filesystem;

constexpr const char *kLock = "/usr/share/ballast/packages.lock"; // in the tree: tree.cc
constexpr std::int64_t kDay = 86'400;                             // seconds

struct Room { // the repository, and nobody else in it
    Repository repository;
    FileLock lock;
};

Result<Room> enter(const fs::path &directory) {
    Repository repository = TRY(Repository::open(directory));
    TRY(make_directories(directory / "releases"));
    FileLock lock = TRY(FileLock::acquire(directory / "releases/.lock"));
    return Room{std::move(repository), std::move(lock)};
}

Result<std::optional<PackageSet>> packages_of(const Repository &repository, const std::string &commit) {
    const std::optional<std::string> lock = TRY(repository.file(commit, kLock));
    return lock ? std::optional(TRY(PackageSet::parse_lock(*lock, "commit " + commit + kLock))) : std::nullopt;
}

Result<std::vector<PackageChange>> changes_between(const Repository &repository, const std::string &before,
                                                   const std::string &now, const fs::path &packages) {
    const std::optional<PackageSet> old_set = TRY(packages_of(repository, before));
    const std::optional<PackageSet> new_set = TRY(packages_of(repository, now));
    if (!old_set || !new_set) {
        return fail(ENOENT, "commit " + (old_set ? now : before) + " has no " + kLock + ": its packages are not known");
    }
    std::vector<PackageChange> changes = compare_packages(*old_set, *new_set);
    find_vulnerabilities(changes, *new_set, [&](const Package &package) {
        return changelog_of(packages / package.file_name(), package.name);
    });
    return changes;
}

// Machines do not go back by themselves, so an older commit would reach none of them.
Status check_order(const Repository &repository, const History &history, const PublishOptions &options) {
    if (history.empty() || options.older || history.find(options.version) != nullptr) {
        return {};
    }
    const Version &newest = history.versions().front();
    if (TRY(repository.timestamp(options.commit)) <= TRY(repository.timestamp(newest.commit))) {
        return fail(ESTALE, "version " + options.version + " is older than " + newest.version +
                                ", which is published: machines do not go back by themselves; --older publishes it "
                                "all the same");
    }
    return {};
}

// Those before the version at hand, newest first.
std::vector<Version> versions_before(const History &history, const std::string &version) {
    std::vector<Version> before = history.versions();
    const auto own = std::ranges::find(before, version, &Version::version);
    if (own != before.end()) {
        before.erase(before.begin(), own + 1);
    }
    return before;
}

Result<std::vector<Published::Delta>> make_deltas(const Repository &repository, const std::vector<Version> &before,
                                                  const PublishOptions &options) {
    std::vector<Published::Delta> made;
    std::vector<Repository::Delta> wanted;
    for (std::size_t place = 0; place < before.size() && place < options.deltas; place++) {
        wanted.push_back({.from = before[place].commit, .to = options.commit});
        TRY(repository.make_delta(wanted.back()));
        made.push_back({.from = before[place].version, .bytes = TRY(repository.delta_size(wanted.back()))});
    }
    // Nobody goes to an older version, nor comes from one that is further back.
    for (const Repository::Delta &delta : TRY(repository.deltas())) {
        const bool ours = delta.to == options.commit || std::ranges::contains(before, delta.to, &Version::commit);
        if (ours && !std::ranges::contains(wanted, delta)) {
            TRY(repository.drop_delta(delta));
        }
    }
    return made;
}

Status write_notes(const fs::path &repository, const ReleaseNotes &notes) {
    const fs::path directory = TRY(release_directory(repository, notes.ref));
    TRY(make_directories(directory));
    TRY(replace_file(directory / (notes.version + ".md"), notes_text(notes)));
    return replace_file(directory / (notes.version + ".json"), notes_json(notes));
}

Result<std::vector<std::string>> drop_old(const Repository &repository, History &history,
                                          const PublishOptions &options) {
    std::vector<std::string> names;
    for (const Version &version : history.drop_beyond(std::max(options.keep, 1U))) {
        TRY(repository.drop_commit(version.commit));
        const fs::path directory = TRY(release_directory(options.repository, options.ref));
        for (const char *extension : {".md", ".json"}) {
            std::error_code gone; // already: an earlier run's work
            fs::remove(directory / (version.version + extension), gone);
        }
        names.push_back(version.version);
    }
    TRY(repository.prune());
    return names;
}

} // namespace

Result<Published> publish(const PublishOptions &options) {
    const Room room = TRY(enter(options.repository));
    const Repository &repository = room.repository;
    History history = TRY(History::load(options.repository, options.ref));
    TRY(repository.take(options.commit, options.from));
    TRY(check_order(repository, history, options));
    const Version version{.version = options.version, .commit = options.commit, .published = options.now};
    History added = history;
    TRY(added.add(version));
    TRY(repository.sign(options.commit, options.keys));

    const std::vector<Version> before = versions_before(added, options.version);
    Published published{.notes = {.ref = options.ref,
                                  .version = options.version,
                                  .commit = options.commit,
                                  .since = before.empty() ? "" : before.front().version,
                                  .made = options.now,
                                  .changes = {}},
                        .deltas = TRY(make_deltas(repository, before, options)),
                        .dropped = {}};
    if (!before.empty()) {
        published.notes.changes =
            TRY(changes_between(repository, before.front().commit, options.commit, options.packages));
    }
    TRY(write_notes(options.repository, published.notes));
    TRY(repository.point(options.ref, options.commit));
    TRY(repository.write_summary(options.keys, options.now + options.expires.count() * kDay));
    TRY(added.save(options.repository, options.ref));
    // From here on machines have it. What goes now, no summary names any more.
    published.dropped = TRY(drop_old(repository, added, options));
    TRY(added.save(options.repository, options.ref));
    return published;
}

Status refresh(const RefreshOptions &options) {
    if (!fs::exists(options.repository / "config")) {
        return fail(ENOENT, options.repository.string() + " is no repository; release publish makes one");
    }
    const Room room = TRY(enter(options.repository));
    if (options.resign) {
        for (const auto &entry : fs::recursive_directory_iterator(options.repository / "releases")) {
            if (entry.path().filename() != "history.json") {
                continue;
            }
            const History history = TRY(History::parse(TRY(read_file(entry.path())), entry.path().string()));
            for (const Version &version : history.versions()) {
                TRY(room.repository.sign(version.commit, options.keys));
            }
        }
    }
    return room.repository.write_summary(options.keys, options.now + options.expires.count() * kDay);
}

Result<ReleaseNotes> compare_versions(const CompareOptions &options) {
    const Room room = TRY(enter(options.repository));
    const History history = TRY(History::load(options.repository, options.ref));
    const Version *from = history.find(options.from), *to = history.find(options.to);
    if (from == nullptr || to == nullptr) {
        return fail(ENOENT, options.ref + " has no version " + (from == nullptr ? options.from : options.to) +
                                " here: see releases/" + options.ref + "/history.json");
    }
    return ReleaseNotes{.ref = options.ref,
                        .version = to->version,
                        .commit = to->commit,
                        .since = from->version,
                        .made = to->published,
                        .changes = TRY(changes_between(room.repository, from->commit, to->commit, options.packages))};
}

} // namespace ballast::image_build::release
