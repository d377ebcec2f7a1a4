// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/state.h"

#include <algorithm>
#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::container {
namespace {

using isolate::CgroupManager;
using nlohmann::json;

constexpr std::size_t kLongestId = 1024;
constexpr std::uint64_t kLargestState = 4UL << 20;
constexpr std::size_t kShown = 200; // of a damaged record, in a message

constexpr std::array<std::pair<CgroupManager, const char *>, 3> kManagers{{{CgroupManager::kCgroupfs, "cgroupfs"},
                                                                           {CgroupManager::kSystemd, "systemd"},
                                                                           {CgroupManager::kDisabled, "disabled"}}};

const char *manager_name(CgroupManager manager) {
    return std::ranges::find(kManagers, manager, &decltype(kManagers)::value_type::first)->second;
}

// A whole number that fits; anything else is the library's own error, as for the wrong types of other fields.
std::uint64_t natural(const json &root, const char *key, std::uint64_t most) {
    const json &value = root.at(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
        throw json::other_error::create(501, std::string(key) + ": want a whole number up to " + std::to_string(most),
                                        &value);
    }
    return value.get<std::uint64_t>();
}

// Locks `fd` for us alone; waits, but not for ever behind a process that hangs in the kernel: the caller may be killed.
Status lock(BorrowedFd fd, const std::string &what) {
    while (flock(fd.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return fail_errno("lock " + what);
        }
    }
    return {};
}

} // namespace

std::string state_text(const State &state) {
    json text = {
        {"version", kStateVersion},
        {"id", state.id},
        {"ociVersion", state.oci_version},
        {"bundle", state.bundle},
        {"rootfs", state.rootfs},
        {"created", state.created},
        {"owner", state.owner},
        {"pid", state.pid},
        {"startTime", state.start_time},
        {"ownPidNamespace", state.own_pid_namespace},
        {"hooks", state.hooks},
        {"cgroup",
         {{"manager", manager_name(state.cgroup.manager)}, {"path", state.cgroup.path}, {"scope", state.cgroup.scope}}},
        {"annotations", state.annotations},
    };
    if (state.rdt) {
        text["rdt"] = {{"group", state.rdt->group}, {"monitor", state.rdt->monitor}, {"made", state.rdt->made}};
    }
    if (!state.notify_socket.empty()) {
        text["notifySocket"] = state.notify_socket;
    }
    if (!state.has_process) {
        text["hasProcess"] = false;
    }
    if (state.covered_mount) {
        text["coveredMount"] = *state.covered_mount;
    }
    return text.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<State> parse_state(std::string_view text, const std::string &name) {
    try {
        const json root = json::parse(text);
        const std::uint64_t version = natural(root, "version", UINT64_MAX);
        if (version != kStateVersion) {
            return fail(EINVAL, name + ": version " + std::to_string(version) + " of the record is not known; this " +
                                    "runtime writes version " + std::to_string(kStateVersion));
        }
        State state;
        root.at("id").get_to(state.id);
        root.at("ociVersion").get_to(state.oci_version);
        root.at("bundle").get_to(state.bundle);
        root.at("rootfs").get_to(state.rootfs);
        root.at("created").get_to(state.created);
        root.at("owner").get_to(state.owner);
        state.pid = static_cast<pid_t>(natural(root, "pid", INT32_MAX));
        state.start_time = natural(root, "startTime", UINT64_MAX);
        root.at("ownPidNamespace").get_to(state.own_pid_namespace);
        root.at("hooks").get_to(state.hooks);
        const json &cgroup = root.at("cgroup");
        const std::string manager = cgroup.at("manager").get<std::string>();
        const auto *known = std::ranges::find(kManagers, manager, [](const auto &entry) { return entry.second; });
        if (known == kManagers.end()) {
            return fail(EINVAL, name + ": cgroup.manager: " + quote(manager.substr(0, kShown)) + " is not known");
        }
        state.cgroup.manager = known->first;
        cgroup.at("path").get_to(state.cgroup.path);
        cgroup.at("scope").get_to(state.cgroup.scope);
        if (const auto rdt = root.find("rdt"); rdt != root.end()) {
            state.rdt = isolate::RdtPlace{.group = rdt->at("group").get<std::string>(),
                                          .monitor = rdt->at("monitor").get<std::string>(),
                                          .made = rdt->at("made").get<bool>()};
        }
        if (root.contains("notifySocket")) {
            root.at("notifySocket").get_to(state.notify_socket);
        }
        if (root.contains("hasProcess")) {
            root.at("hasProcess").get_to(state.has_process);
        }
        if (root.contains("coveredMount")) {
            state.covered_mount = natural(root, "coveredMount", UINT64_MAX);
        }
        root.at("annotations").get_to(state.annotations);
        return state;
    } catch (const json::exception &error) {
        return fail(EINVAL, name + " does not read: " + escaped(std::string_view(error.what()).substr(0, kShown)) +
                                "; `delete --force` removes what is left of the container");
    }
}

Status check_id(const std::string &id) {
    const bool known = std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
               c == '-' || c == '.';
    });
    if (id.empty() || id == "." || id == ".." || id.size() > kLongestId || !known) {
        return fail(EINVAL, "container id " + quote(id.substr(0, 64)) +
                                ": want 1 to 1024 letters, digits and \"_+-.\", and neither \".\" nor \"..\"");
    }
    return {};
}

const char *phase_name(Phase phase) {
    switch (phase) {
    case Phase::kCreating:
        return "creating";
    case Phase::kCreated:
        return "created";
    case Phase::kRunning:
        return "running";
    case Phase::kPaused:
        return "paused";
    case Phase::kStopped:
        return "stopped";
    }
    return "unknown";
}

Result<ProcessStart> process_start(pid_t pid) {
    const std::string file = "/proc/" + std::to_string(pid) + "/stat";
    auto text = read_file(file, 4096);
    if (!text.has_value()) {
        return fail(ESRCH, "process " + std::to_string(pid) + " is gone");
    }
    // The name, in parentheses, may hold anything; proc_pid_stat(5) counts it as field 2.
    std::size_t at = text->rfind(')');
    if (at == std::string::npos || at + 2 >= text->size()) {
        return fail(EPROTO, file + " does not read");
    }
    const char state = (*text)[at + 2];
    for (int field = 2; field < 22; ++field) {
        at = text->find(' ', at + 1);
        if (at == std::string::npos) {
            return fail(EPROTO, file + " does not read");
        }
    }
    return ProcessStart{.time = std::strtoull(text->c_str() + at + 1, nullptr, 10),
                        .ended = state == 'Z' || state == 'X'};
}

Result<ContainerDir> ContainerDir::make(const fs::path &root, const std::string &id) {
    TRY(check_id(id));
    fs::path path = root / id;
    bool made = mkdir(path.c_str(), 0700) == 0;
    if (!made && errno == ENOENT) {
        TRY(make_directories(root, 0700).within("state directory"));
        made = mkdir(path.c_str(), 0700) == 0;
    }
    if (!made) {
        return errno == EEXIST ? fail(EEXIST, "container with id exists already: " + quote(id))
                               : fail_errno("make " + path.string());
    }
    return open(root, id);
}

Result<ContainerDir> ContainerDir::open(const fs::path &root, const std::string &id, bool locked) {
    TRY(check_id(id));
    fs::path path = root / id;
    Result<Fd> fd = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd.has_value()) {
        return fd.error().code == ENOENT ? fail(ENOENT, "container does not exist: " + quote(id))
                                         : std::unexpected(fd.error());
    }
    if (locked) {
        TRY(lock(*fd, path.string()));
        struct stat still{};
        if (fstat(fd->get(), &still) != 0 || still.st_nlink == 0) { // deleted while we waited
            return fail(ENOENT, "container does not exist: " + quote(id));
        }
    }
    return ContainerDir(std::move(*fd), std::move(path));
}

Result<State> ContainerDir::load() const {
    const std::string name = (path_ / "state.json").string();
    const Fd file(openat(fd_.get(), "state.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.is_open()) {
        return errno == ENOENT
                   ? fail(ENOENT, name + " is missing; `delete --force` removes what is left of the container")
                   : fail_errno(name);
    }
    return parse_state(TRY(read_all(file, name, kLargestState)), name);
}

Status ContainerDir::store(const State &state) const {
    // No flush: the record is worth nothing after a reboot, when none of its processes is left.
    const std::string text = state_text(state);
    const Fd file(openat(fd_.get(), "state.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_open()) {
        return fail_errno("write " + (path_ / "state.json").string());
    }
    TRY(write_all(file, text).within("write " + (path_ / "state.json").string()));
    if (renameat(fd_.get(), "state.json.new", fd_.get(), "state.json") != 0) {
        return fail_errno("write " + (path_ / "state.json").string());
    }
    return {};
}

Status ContainerDir::remove() { return remove_tree(path_); }

Result<Phase> phase_of(const State &state, const ContainerDir &directory, Fd *first_process) {
    const Fd init(openat(directory.fd().get(), "init.lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    const bool waits = init.is_open() && flock(init.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (state.pid == 0) {
        return waits ? Phase::kCreating : Phase::kStopped;
    }
    Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, state.pid, 0)));
    // Opened before its start time is compared: from here on the descriptor cannot become another process.
    const Result<ProcessStart> started =
        pidfd.is_open() ? process_start(state.pid) : Result<ProcessStart>(fail(ESRCH, "no such process"));
    if (!started.has_value() || started->ended || started->time != state.start_time) {
        return Phase::kStopped;
    }
    if (first_process != nullptr) {
        *first_process = std::move(pidfd);
    }
    if (waits) {
        return Phase::kCreated;
    }
    if (state.cgroup.manager != CgroupManager::kDisabled) {
        const auto cgroup = isolate::Cgroup::open(state.cgroup);
        if (cgroup.has_value() && cgroup->frozen().value_or(false)) {
            return Phase::kPaused;
        }
    }
    return Phase::kRunning;
}

Result<std::vector<std::string>> container_ids(const fs::path &root) {
    std::vector<std::string> ids;
    DIR *directory = opendir(root.c_str());
    if (directory == nullptr) {
        return errno == ENOENT ? Result<std::vector<std::string>>(ids) : fail_errno(root.string());
    }
    while (const dirent *entry = readdir(directory)) { // NOLINT(concurrency-mt-unsafe): one thread
        std::string name = entry->d_name;
        if (check_id(name).has_value() && access((root / name / "state.json").c_str(), F_OK) == 0) {
            ids.push_back(std::move(name));
        }
    }
    closedir(directory);
    std::ranges::sort(ids);
    return ids;
}

std::string oci_state(const State &state, Phase phase, pid_t pid) {
    nlohmann::ordered_json text = {{"ociVersion", state.oci_version},
                                   {"id", state.id},
                                   {"pid", pid},
                                   {"status", phase_name(phase)},
                                   {"bundle", state.bundle},
                                   {"rootfs", state.rootfs},
                                   {"created", state.created},
                                   {"annotations", state.annotations},
                                   {"owner", state.owner}};
    return text.dump(2, ' ', false, json::error_handler_t::replace);
}

} // namespace ballast::container
