// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <dirent.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "runtime/engine/core.h"
#include "runtime/engine/ps_output.h"

namespace ballast::engine {
namespace {

// The processes of a container: those of its cgroup; without cgroups, those of its pid namespace.
std::vector<int> pids_in(const fs::path &cgroup) {
    std::vector<int> pids;
    const std::string text = read_file(cgroup / "cgroup.procs").value_or("");
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        int pid = 0;
        if (std::from_chars(text.data() + start, text.data() + end, pid).ec == std::errc() && pid > 0) {
            pids.push_back(pid);
        }
        start = end + 1;
    }
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(cgroup, error)) {
        if (entry.is_directory(error)) {
            const std::vector<int> below = pids_in(entry.path());
            pids.insert(pids.end(), below.begin(), below.end());
        }
    }
    return pids;
}

std::vector<int> pids_beside(int first) {
    std::vector<int> pids;
    const auto namespace_of = [](const std::string &pid) {
        std::error_code error;
        return fs::read_symlink("/proc/" + pid + "/ns/pid", error).string();
    };
    const std::string wanted = namespace_of(std::to_string(first));
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") == std::string::npos && !wanted.empty() &&
            namespace_of(name) == wanted) {
            pids.push_back(std::stoi(name));
        }
    }
    return pids;
}

} // namespace

Result<Processes> Engine::top(const std::string &reference, const std::string &ps_arguments) {
    const ContainerPtr container = TRY(core_->find(reference));
    const Snapshot data = container->snapshot();
    if (data.state.phase == Phase::kRestarting) {
        return fail(EBUSY, "Container " + data.id + " is restarting, wait until the container is running");
    }
    if (!data.state.running()) {
        return fail(EBUSY, "container " + data.id + " is not running");
    }
    const std::vector<int> pids =
        core_->settings().cgroups ? pids_in(TRY(core_->cgroup_of(data))) : pids_beside(data.state.pid);
    Command command{.arguments = {"ps"}, .environment = {{"LC_ALL", "C"}}, .timeout = std::chrono::seconds(30)};
    for (const std::string &word : TRY(ps_words(ps_arguments.empty() ? "-ef" : ps_arguments))) {
        command.arguments.push_back(word);
    }
    const Completed done = TRY(run(command));
    if (done.status != 0) {
        return fail(EINVAL, "error running ps: " + done.errors);
    }
    Processes processes = TRY(parse_ps(done.output, pids));
    core_->event(*container, "top");
    return processes;
}

} // namespace ballast::engine
