// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/snapshot_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/file_io.h"
#include "tests/vm/snapshot_key.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Status lock(const Fd &file, int operation, const fs::path &name) {
    while (flock(file.get(), operation) != 0) {
        if (errno != EINTR) {
            return fail_errno("lock " + name.string());
        }
    }
    return {};
}

bool is_there(const fs::path &path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

fs::path with_suffix(fs::path path, const char *suffix) {
    path += suffix;
    return path;
}

Status make_under_lock(const fs::path &directory, const std::function<Status(const fs::path &)> &make) {
    const fs::path partial = with_suffix(directory, ".partial");
    TRY(remove_tree(partial));
    TRY(make_directories(partial, 0700));
    Status made = make(partial);
    if (!made.has_value()) {
        (void)remove_tree(partial); // rubbish is also cleared before the next attempt
        return made;
    }
    if (rename(partial.c_str(), directory.c_str()) != 0) {
        return fail_errno("rename " + partial.string());
    }
    return {};
}

bool is_stale(const fs::path &directory) {
    const Result<std::string> text = read_file(directory / Snapshot::kImageFile);
    const json then = json::parse(text.value_or(""), nullptr, false);
    if (!then.is_object() || !then.contains("path") || !then["path"].is_string()) {
        return true;
    }
    const Result<json> now = file_identity(then["path"].get<std::string>());
    return !now.has_value() || *now != then;
}

} // namespace

Result<Snapshot> Snapshot::open_or_make(const fs::path &state_directory, const std::string &key,
                                        const std::function<Status(const fs::path &)> &make) {
    const fs::path directory = fs::absolute(state_directory) / "snapshots" / key;
    TRY(make_directories(directory.parent_path(), 0700));
    const fs::path lock_file = with_suffix(directory, ".lock");
    Fd file = TRY(open_file(lock_file, O_RDWR | O_CREAT, 0600));
    while (true) {
        TRY(lock(file, LOCK_SH, lock_file));
        if (is_there(directory)) {
            return Snapshot(directory, std::move(file));
        }
        // flock converts by giving the lock up first, so look again under each.
        TRY(lock(file, LOCK_EX, lock_file));
        if (!is_there(directory)) {
            TRY(make_under_lock(directory, make));
        }
    }
}

void remove_stale_snapshots(const fs::path &state_directory) {
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(state_directory / "snapshots", error)) {
        if (!entry.is_directory(error) || (entry.path().extension() != ".partial" && !is_stale(entry.path()))) {
            continue;
        }
        fs::path directory = entry.path();
        if (directory.extension() == ".partial") {
            directory.replace_extension();
        }
        const Result<Fd> file = open_file(with_suffix(directory, ".lock"), O_RDWR | O_CREAT, 0600);
        if (file.has_value() && flock(file->get(), LOCK_EX | LOCK_NB) == 0) {
            (void)remove_tree(entry.path()); // the next run tries again
        }
    }
}

} // namespace ballast::vm
