// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/pod_garbage.h"

#include <algorithm>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;

bool is_older(const fs::path &directory, std::int64_t time) {
    struct stat status{};
    return ::lstat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
           status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec < time;
}

// Pods that are somebody else's at the runtime keep their logs, too.
Status remove_logs_of_gone(const World &world, std::set<std::string> uids) {
    const fs::path &directory = world.options.config.pod_logs;
    const std::vector<fs::path> found = abandoned_logs(directory, uids, now_ns() - kMinute);
    if (found.empty()) {
        return {};
    }
    for (const auto &[uid, pod] : TRY(world.runtime.pods())) {
        uids.insert(uid);
    }
    for (const fs::path &logs : abandoned_logs(directory, uids, now_ns() - kMinute)) {
        TRY(remove_tree(logs));
        log::info("logs of a pod that is gone are removed: " + logs.filename().string());
    }
    return {};
}

} // namespace

PodGarbage pod_garbage(const Pods &pods) {
    PodGarbage garbage;
    for (const auto &[uid, pod] : pods.all()) {
        Garbage own = pod->busy() || !pod->known() ? Garbage() : garbage_of(pod->observed());
        if (pod->state() == PodState::kRunning && !own.empty()) {
            garbage.of_pods.emplace_back(pod->pod(), std::move(own));
        }
    }
    if (pods.knows_all()) {
        garbage.uids.emplace();
        for (const auto &[uid, pod] : pods.all()) {
            garbage.uids->insert(uid);
        }
    }
    return garbage;
}

std::vector<fs::path> abandoned_logs(const fs::path &directory, const std::set<std::string> &uids,
                                     std::int64_t before) {
    std::vector<fs::path> found;
    std::error_code none; // no directory: no logs
    for (const fs::directory_entry &entry : fs::directory_iterator(directory, none)) {
        const std::string name = entry.path().filename().string();
        const std::size_t last = name.rfind('_');
        if (std::ranges::count(name, '_') == 2 && !uids.contains(name.substr(last + 1)) &&
            is_older(entry.path(), before)) {
            found.push_back(entry.path());
        }
    }
    return found;
}

Status remove_pod_garbage(const World &world, const PodGarbage &garbage) {
    Status first;
    for (const auto &[pod, own] : garbage.of_pods) {
        const Status done = remove_garbage(world, pod, own);
        first = first.has_value() ? done : first;
    }
    const Status logs = garbage.uids ? remove_logs_of_gone(world, *garbage.uids) : Status();
    return first.has_value() ? logs : first;
}

} // namespace ballast::agent
