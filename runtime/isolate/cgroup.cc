// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/cgroup.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <iterator>
#include <time.h>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/isolate/cgroup_directory.h"
#include "runtime/isolate/cgroup_tree.h"
#include "runtime/isolate/device_filter.h"
#include "runtime/isolate/device_rules.h"
#include "runtime/isolate/resources.h"
#include "runtime/isolate/systemd_scope.h"
#include "runtime/isolate/systemd_unit.h"

namespace ballast::isolate {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// A process in an uninterruptible wait neither freezes nor dies before that ends.
constexpr milliseconds kFreezeAtMost{10000};
constexpr milliseconds kRemoveAtMost{10000};
constexpr timespec kMoment = {.tv_sec = 0, .tv_nsec = 1000000};
constexpr int kDeepest = 64;
constexpr int kMostSignalRounds = 100;

// A signal may cut it short: then the next attempt comes earlier.
void wait_a_moment() { (void)::nanosleep(&kMoment, nullptr); }

Error disabled() { return {.code = ENOTSUP, .message = "this container has no cgroup"}; }

// What an undelegated tree refuses.
bool is_refused(int code) {
    return code == EACCES || code == EPERM || code == EROFS || code == ENOENT || code == ENOTSUP;
}

void parse_processes(std::string_view text, std::vector<pid_t> &into) {
    const char *place = text.data();
    const char *end = place + text.size();
    while (place != end) {
        pid_t pid = 0;
        const auto [stop, error] = std::from_chars(place, end, pid);
        if (error != std::errc()) {
            return;
        }
        if (pid > 0) { // 0: in another PID namespace, where we can neither see nor reach it
            into.push_back(pid);
        }
        place = std::find(stop, end, '\n');
        place += place != end ? 1 : 0;
    }
}

bool is_gone(int code) { return code == ENOENT || code == ENODEV; }

Status collect_processes(const CgroupDir &directory, std::vector<pid_t> &into, int depth) {
    Result<std::string> text = directory.read("cgroup.procs");
    if (!text.has_value() && text.error().code == EOPNOTSUPP) {
        // Threaded. Below a domain its processes are in the domain's own list; here they are known by threads only.
        text = depth == 0 ? directory.read("cgroup.threads") : std::string();
    }
    if (!text.has_value()) {
        return depth > 0 && is_gone(text.error().code) ? Status{} : std::unexpected(std::move(text).error());
    }
    parse_processes(*text, into);
    if (depth >= kDeepest) {
        return fail(ELOOP, "cgroup " + directory.path() + ": too many cgroups below one another");
    }
    Result<std::vector<std::string>> names = directory.children();
    if (!names.has_value()) {
        return depth > 0 && is_gone(names.error().code) ? Status{} : std::unexpected(std::move(names).error());
    }
    for (const std::string &name : *names) {
        Result<CgroupDir> below = directory.child(name);
        if (below.has_value()) {
            TRY(collect_processes(*below, into, depth + 1));
        } else if (!is_gone(below.error().code)) {
            return std::unexpected(std::move(below).error());
        }
    }
    return {};
}

Status kill_each(const CgroupDir &directory, int number) {
    std::vector<pid_t> done;
    for (int round = 0; round < kMostSignalRounds; round++) {
        std::vector<pid_t> now;
        TRY(collect_processes(directory, now, 0));
        std::size_t fresh = 0;
        for (const pid_t pid : now) {
            if (std::ranges::find(done, pid) != done.end()) {
                continue;
            }
            fresh++;
            done.push_back(pid);
            if (::kill(pid, number) != 0 && errno != ESRCH) {
                return fail_errno("cgroup " + directory.path() + ": signal process " + std::to_string(pid));
            }
        }
        if (fresh == 0) {
            return {};
        }
    }
    return fail(EAGAIN, "cgroup " + directory.path() + ": new processes keep showing up");
}

} // namespace

struct Cgroup::Data {
    CgroupPlace place;
    CgroupDir root;
    CgroupDir directory; // opened when it is first needed
    bool rootless = false;
    std::string slice;                              // systemd, until adopt()
    std::string id;                                 // likewise
    std::vector<UnitProperty> annotated_properties; // likewise
    std::vector<oci::DeviceRule> devices;           // likewise
    ResourcePlan plan;                              // likewise; `ignored` stays

    bool is_disabled() const { return place.manager == CgroupManager::kDisabled; }
    SystemdScope scope() const { return {place.scope, rootless}; }

    Result<const CgroupDir *> opened() {
        if (is_disabled()) {
            return std::unexpected(disabled());
        }
        if (!directory.is_open()) {
            if (place.path.empty()) {
                return fail(ENOENT, place.scope + ": systemd has not been asked for it yet");
            }
            directory = TRY(TRY(opened_root())->child(place.path.substr(1)));
        }
        return &directory;
    }

    Result<const CgroupDir *> opened_root() {
        if (!root.is_open()) {
            root = TRY(cgroup_root());
        }
        return &root;
    }

    // Device rules of a rootless container cannot be loaded, and nothing is lost: without privileges on the host it can
    // make no device node, and those it is given are guarded by their own permissions.
    bool devices_apply() const { return !rootless; }
};

Cgroup::Cgroup(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Cgroup::Cgroup(Cgroup &&) noexcept = default;
Cgroup &Cgroup::operator=(Cgroup &&) noexcept = default;
Cgroup::~Cgroup() = default;

namespace {

// Where a container goes that says nothing, or a relative path: below the root, and without rights there beside the
// cgroup that we run in, which holds processes and so cannot have children with limits.
Result<std::string> path_of(const CgroupRequest &request) {
    const std::string &wanted = request.cgroups_path.empty() ? request.id : request.cgroups_path;
    if (!request.rootless || wanted.starts_with('/')) {
        return normal_cgroup_path(wanted);
    }
    return normal_cgroup_path(parent_cgroup(TRY(own_cgroup())) + "/" + wanted);
}

// The directory, with limits and rules in force.
Result<CgroupDir> make_limited(const CgroupDir &root, const std::string &path, const ResourcePlan &plan,
                               const DeviceProgram *program) {
    MadeCgroup cgroup = TRY(make_cgroup(root, path, plan.controllers));
    Status done = apply_resources(cgroup.directory, plan);
    if (done.has_value() && program != nullptr) {
        done = cgroup.made ? attach_device_filter(cgroup.directory.fd(), *program)
                           : replace_device_filter(cgroup.directory.fd(), *program);
        done = std::move(done).within("cgroup " + path);
    }
    if (!done.has_value()) {
        if (cgroup.made) {
            (void)remove_cgroup(root, path); // it holds nobody yet; the first error matters more
        }
        return std::unexpected(std::move(done).error());
    }
    return std::move(cgroup.directory);
}

} // namespace

Result<CgroupPlace> Cgroup::place_of(const CgroupRequest &request) {
    CgroupPlace place{.manager = request.manager, .path = {}, .scope = {}};
    if (request.manager == CgroupManager::kSystemd) {
        place.scope = TRY(scope_name(request.cgroups_path, request.id, request.rootless)).scope;
    } else if (request.manager == CgroupManager::kCgroupfs) {
        place.path = TRY(path_of(request));
    }
    return place;
}

Result<Cgroup> Cgroup::create(const CgroupRequest &request, const oci::Resources &resources) {
    auto data = std::make_unique<Data>();
    data->place.manager = request.manager;
    data->rootless = request.rootless;
    if (request.manager == CgroupManager::kDisabled) {
        return Cgroup(std::move(data)); // the caller asked for no cgroup, whatever the container's file says
    }
    ResourcePlan plan = TRY(plan_resources(resources));
    const DeviceProgram program = TRY(compile_device_rules(resources.devices));
    if (request.manager == CgroupManager::kSystemd) {
        ScopeName name = TRY(scope_name(request.cgroups_path, request.id, request.rootless));
        data->place.scope = std::move(name.scope);
        data->slice = std::move(name.slice);
        data->id = request.id;
        data->annotated_properties = TRY(annotated_properties(request.annotations));
        TRY(resource_properties(plan.writes, true)); // its errors belong here, in front of the container's start
        TRY(data->opened_root());
        data->devices = resources.devices;
        data->plan = std::move(plan);
        return Cgroup(std::move(data));
    }
    const auto make = [&]() -> Status {
        const CgroupDir *root = TRY(data->opened_root());
        data->place.path = TRY(path_of(request));
        data->directory = TRY(make_limited(*root, data->place.path, plan, data->devices_apply() ? &program : nullptr));
        return {};
    };
    if (Status made = make(); !made.has_value()) {
        const bool asked = !request.cgroups_path.empty() || plan.controllers != 0 || !resources.unified.empty();
        if (!request.rootless || asked || !is_refused(made.error().code)) {
            return std::unexpected(std::move(made).error());
        }
        data->place = {.manager = CgroupManager::kDisabled, .path = {}, .scope = {}};
    }
    data->plan.ignored = std::move(plan.ignored);
    return Cgroup(std::move(data));
}

Result<Cgroup> Cgroup::open(const CgroupPlace &place, bool rootless) {
    auto data = std::make_unique<Data>();
    data->place = place;
    data->rootless = rootless;
    if (place.path.empty()) {
        if (place.manager == CgroupManager::kCgroupfs) {
            data->place.manager = CgroupManager::kDisabled;
        }
    } else {
        data->place.path = TRY(normal_cgroup_path(place.path)); // it comes from a file
    }
    if (place.manager == CgroupManager::kSystemd && !is_scope_name(place.scope)) {
        return fail(EINVAL, "no name of a scope in the container's state");
    }
    return Cgroup(std::move(data));
}

Result<Fd> Cgroup::directory_of(pid_t pid) {
    const std::string path = TRY(normal_cgroup_path(TRY(cgroup_of(pid))));
    const CgroupDir root = TRY(cgroup_root());
    return TRY(root.child(path.substr(1))).take_fd();
}

std::optional<int> Cgroup::clone_into() const {
    if (data_->is_disabled() || data_->place.path.empty()) {
        return std::nullopt;
    }
    Result<const CgroupDir *> directory = data_->opened();
    // Not there: the caller's enter() says why.
    return directory.has_value() ? std::optional((*directory)->fd().get()) : std::nullopt;
}

Status Cgroup::adopt(pid_t pid) {
    if (data_->place.manager != CgroupManager::kSystemd) {
        return {};
    }
    std::vector<UnitProperty> properties = {
        {.name = "Description", .type = "s", .words = {"container " + data_->id}},
        {.name = "Slice", .type = "s", .words = {data_->slice}},
        {.name = "PIDs", .type = "au", .words = {std::to_string(pid)}},
        {.name = "DefaultDependencies", .type = "b", .words = {"false"}}, // it outlives no manager, but blocks none
        // The files of the cgroup are ours from now on: systemd keeps its hands off what is below.
        {.name = "Delegate", .type = "b", .words = {"true"}},
        {.name = "CPUAccounting", .type = "b", .words = {"true"}},
        {.name = "IOAccounting", .type = "b", .words = {"true"}},
        {.name = "MemoryAccounting", .type = "b", .words = {"true"}},
        {.name = "TasksAccounting", .type = "b", .words = {"true"}},
    };
    // No DeviceAllow=: systemd would put a second program beside ours, which cannot say what our rules say.
    std::ranges::move(TRY(resource_properties(data_->plan.writes, true)), std::back_inserter(properties));
    std::ranges::copy(data_->annotated_properties, std::back_inserter(properties));
    TRY(data_->scope().start(properties));

    std::string path = TRY(normal_cgroup_path(TRY(cgroup_of(pid))));
    if (path.substr(path.rfind('/') + 1) != data_->place.scope) {
        return fail(EIO, "systemd has put process " + std::to_string(pid) + " into cgroup " + path + ", not into " +
                             data_->place.scope);
    }
    data_->place.path = std::move(path);
    const CgroupDir *directory = TRY(data_->opened());
    TRY(apply_resources(*directory, data_->plan));
    if (!data_->devices_apply()) {
        return {};
    }
    return attach_device_filter(directory->fd(), TRY(compile_device_rules(data_->devices)))
        .within("cgroup " + data_->place.path);
}

Status Cgroup::enter(pid_t pid) const {
    const CgroupDir *directory = TRY(data_->opened());
    return directory->write("cgroup.procs", std::to_string(pid));
}

Status Cgroup::update(const oci::Resources &resources) {
    const CgroupDir *directory = TRY(data_->opened());
    ResourcePlan plan = TRY(plan_resources(resources));
    const DeviceProgram program = TRY(compile_device_rules(resources.devices));
    if (data_->place.manager == CgroupManager::kSystemd) {
        TRY(data_->scope().set(TRY(resource_properties(plan.writes, false))));
    }
    TRY(apply_resources(*directory, plan));
    data_->plan.ignored = std::move(plan.ignored);
    if (resources.devices.empty() || !data_->devices_apply()) {
        return {}; // an update says only what changes
    }
    return replace_device_filter(directory->fd(), program).within("cgroup " + directory->path());
}

Status Cgroup::freeze() const {
    const CgroupDir *directory = TRY(data_->opened());
    TRY(directory->write("cgroup.freeze", "1"));
    Status frozen = directory->wait_for_event("frozen", 1, kFreezeAtMost);
    if (!frozen.has_value()) {
        (void)directory->write("cgroup.freeze", "0"); // half of it must not stay frozen; the first error matters more
    }
    return frozen;
}

Status Cgroup::thaw() const {
    const CgroupDir *directory = TRY(data_->opened());
    TRY(directory->write("cgroup.freeze", "0"));
    Status thawed = directory->wait_for_event("frozen", 0, kFreezeAtMost);
    if (!thawed.has_value() && thawed.error().code == ETIMEDOUT) {
        thawed.error().message += " (a cgroup above it may be frozen)";
    }
    return thawed;
}

Result<bool> Cgroup::frozen() const {
    if (data_->is_disabled()) {
        return false; // nobody can have frozen it
    }
    return TRY(TRY(data_->opened())->read_record("cgroup.freeze")).starts_with('1');
}

Result<std::vector<pid_t>> Cgroup::processes() const {
    std::vector<pid_t> pids;
    TRY(collect_processes(*TRY(data_->opened()), pids, 0));
    std::ranges::sort(pids);
    const auto doubles = std::ranges::unique(pids); // one that moved while we read
    pids.erase(doubles.begin(), doubles.end());
    return pids;
}

Status Cgroup::signal_all(int number) const {
    const CgroupDir *directory = TRY(data_->opened());
    if (number == SIGKILL) {
        Status killed = directory->write("cgroup.kill", "1");
        // Before Linux 5.14, and in threaded cgroups, it is not there.
        if (killed.has_value() || (killed.error().code != ENOENT && killed.error().code != EOPNOTSUPP)) {
            return killed;
        }
    }
    return kill_each(*directory, number);
}

Status Cgroup::remove() {
    if (data_->is_disabled()) {
        return {};
    }
    const bool systemd = data_->place.manager == CgroupManager::kSystemd;
    if (data_->place.path.empty()) { // adopt() never got that far
        return systemd ? data_->scope().stop() : Status{};
    }
    const CgroupDir *root = TRY(data_->opened_root());
    const std::string &path = data_->place.path;
    const Clock::time_point deadline = Clock::now() + kRemoveAtMost;
    Status removed = remove_cgroup(*root, path);
    while (!removed.has_value() && removed.error().code == EBUSY) {
        const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return fail(EBUSY, removed.error().message + " (processes that were killed do not end)");
        }
        Result<const CgroupDir *> directory = data_->opened();
        if (directory.has_value()) {
            // Killing what is dying is nothing; what a frozen cgroup holds dies, too. Gone meanwhile: the next round
            // finds it gone.
            (void)signal_all(SIGKILL);
            (void)(*directory)->wait_for_event("populated", 0, left);
        }
        removed = remove_cgroup(*root, path);
        if (!removed.has_value()) {
            wait_a_moment(); // the last one has left the lists, but not yet its cgroup
        }
    }
    TRY(removed);
    data_->directory = CgroupDir();
    return systemd ? data_->scope().stop() : Status{};
}

CgroupPlace Cgroup::place() const { return data_->place; }

BorrowedFd Cgroup::directory() const {
    Result<const CgroupDir *> directory = data_->opened();
    return directory.has_value() ? (*directory)->fd() : BorrowedFd(-1);
}

Result<Fd> Cgroup::sub_cgroup(const std::string &path) const {
    const CgroupDir *directory = TRY(data_->opened());
    return TRY(directory->child(TRY(normal_cgroup_path(path)).substr(1))).take_fd();
}

Status Cgroup::delegate_to(uid_t uid, gid_t gid) const {
    if (data_->is_disabled()) {
        return {};
    }
    const CgroupDir *directory = TRY(data_->opened());
    std::string files = TRY(read_file("/sys/kernel/cgroup/delegate"));
    if (::fchownat(directory->fd().get(), "", uid, gid, AT_EMPTY_PATH) != 0) {
        return directory->failed("change the owner", std::nullopt, errno);
    }
    for (std::size_t start = 0, end = 0; (end = files.find('\n', start)) != std::string::npos; start = end + 1) {
        const std::string file = files.substr(start, end - start);
        // The list is of all files of this kernel; those of controllers that are not here are missing.
        if (::fchownat(directory->fd().get(), file.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) {
            return directory->failed(file, std::nullopt, errno);
        }
    }
    return {};
}

Result<Statistics> Cgroup::statistics() const { return read_statistics(*TRY(data_->opened())); }
Result<OomWatch> Cgroup::watch_oom() const { return OomWatch::open(*TRY(data_->opened())); }
const std::vector<std::string> &Cgroup::ignored() const { return data_->plan.ignored; }

} // namespace ballast::isolate
