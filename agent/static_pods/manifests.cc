// SPDX-License-Identifier: Apache-2.0
#include "agent/static_pods/manifests.h"

#include <algorithm>
#include <array>
#include <set>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/static_pods/manifest.h"
#include "base/file_io.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestManifest = 10UL << 20; // as kubelet takes
constexpr std::uint32_t kChanges =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;

} // namespace

Result<Manifests> Manifests::open(fs::path path, std::string node_name) {
    Fd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify.is_open()) {
        return fail_errno("inotify_init1");
    }
    return Manifests(std::move(path), std::move(node_name), std::move(inotify));
}

// What came since is read away first: a change after this is seen by the scan or makes it readable again.
void Manifests::watch() {
    alignas(inotify_event) std::array<char, 4096> events{};
    for (ssize_t size = 0; (size = ::read(inotify_.get(), events.data(), events.size())) > 0;) {
        for (ssize_t at = 0; at < size;) {
            const auto *event = reinterpret_cast<const inotify_event *>(events.data() + at);
            watched_ = watched_ && (event->mask & IN_IGNORED) == 0;
            at += static_cast<ssize_t>(sizeof *event + event->len);
        }
    }
    watched_ = watched_ || inotify_add_watch(inotify_.get(), path_.c_str(), kChanges) >= 0;
}

Result<std::vector<fs::path>> Manifests::files() const {
    std::error_code error;
    std::vector<fs::path> files;
    if (fs::is_regular_file(path_, error)) {
        return std::vector{path_};
    }
    fs::directory_iterator entries(path_, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        std::error_code ignored; // what is gone meanwhile is no file
        if (!entries->path().filename().string().starts_with('.') && entries->is_regular_file(ignored)) {
            files.push_back(entries->path());
        }
    }
    if (error && error.value() != ENOENT) {
        return fail(error.value(), path_.string() + ": " + error.message());
    }
    std::ranges::sort(files);
    return files;
}

Manifests::Found Manifests::scan() {
    Found found;
    std::map<std::string, std::string> problems;
    const auto problem = [&](const std::string &file, const std::string &text) {
        if (const auto told = told_.find(file); told == told_.end() || told->second != text) {
            found.problems.push_back(text);
        }
        problems.insert_or_assign(file, text);
    };
    watch();
    const Result<std::vector<fs::path>> all = files();
    if (!all.has_value()) {
        problem(path_, all.error().message);
        found.complete = false;
    }
    std::set<std::string> names;
    std::map<std::string, Pod> good;
    for (const fs::path &file : all.value_or(std::vector<fs::path>())) {
        const Result<std::string> text = read_file(file, kLargestManifest);
        if (!text.has_value() && text.error().code == ENOENT) {
            continue; // gone meanwhile
        }
        Result<Pod> pod = text.has_value() ? read_manifest(*text, file, node_name_) : std::unexpected(text.error());
        if (!pod.has_value()) {
            problem(file, pod.error().message);
            if (const auto before = good_.find(file); before != good_.end()) {
                pod = before->second; // a slip in an editor ends nothing
            }
        }
        if (!pod.has_value()) {
            continue;
        }
        if (!names.insert(pod->full_name()).second) {
            problem(file, file.string() + ": another manifest holds a pod " + pod->full_name());
            continue;
        }
        good.insert_or_assign(file, *pod);
        found.pods.push_back(std::move(*pod));
    }
    if (found.complete) {
        good_ = std::move(good);
    }
    told_ = std::move(problems);
    return found;
}

} // namespace ballast::agent
