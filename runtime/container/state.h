// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/cgroup.h"
#include "runtime/isolate/intel_rdt.h"

// What the runtime keeps of a container between two commands, below its --root (mode 0700, on a tmpfs by default):
//
//   ROOT/ID/state.json    this record, replaced atomically
//   ROOT/ID/config.json   the specification as it was read at create
//   ROOT/ID/init.lock     locked by the container's first process until it runs the user's program
//   ROOT/ID/start.sock    where that process waits for `start`
//   ROOT/~seccomp/        compiled filters; no id can be this name
//
// The directory is locked (flock) by whoever changes the container. Whether it runs is asked from the kernel.
namespace ballast::container {

namespace fs = std::filesystem;

inline constexpr int kStateVersion = 1;

// Why a container without a program cannot be run or started.
inline constexpr std::string_view kNoProcess = "config.json: process is missing, so there is nothing to start";

struct State {
    std::string id;
    std::string oci_version;
    std::string bundle;             // absolute
    std::string rootfs;             // absolute
    std::string created;            // RFC 3339, UTC
    std::string owner;              // who created it, by name or number
    pid_t pid = 0;                  // 0: it was never started, `create` is at it or was killed
    std::uint64_t start_time = 0;   // of that process, in clock ticks since boot: a pid may be somebody else's by now
    bool has_process = true;        // false: config.json names no program, and it can be deleted only
    bool own_pid_namespace = true;  // the kernel ends all of it with the first process
    std::vector<std::string> hooks; // of those kinds config.json has some: startContainer, poststart, poststop
    isolate::CgroupPlace cgroup;
    std::optional<isolate::RdtPlace> rdt;
    std::string notify_socket; // the caller's, who wants to be told when the program is ready; empty: nobody
    // Of a container without a mount namespace: the mount that its root is on (statx(2), STATX_MNT_ID) when nothing of
    // its own is mounted there.
    std::optional<std::uint64_t> covered_mount;
    std::map<std::string, std::string> annotations;
};

std::string state_text(const State &state);
// EINVAL with what is wrong: not JSON, a missing field, a newer version.
Result<State> parse_state(std::string_view text, const std::string &name);

// Letters, digits and "_+-.", at most 1024; not "." or "..": an id is a file name and must be nothing else.
Status check_id(const std::string &id);

enum class Phase { kCreating, kCreated, kRunning, kPaused, kStopped };
const char *phase_name(Phase phase);

struct ProcessStart {
    std::uint64_t time = 0; // in clock ticks since boot
    bool ended = false;     // a zombie, which its parent has not waited for
};
// ESRCH when there is no such process.
Result<ProcessStart> process_start(pid_t pid);

// One container's directory, locked for as long as this lives.
class ContainerDir {
  public:
    // EEXIST when the id is taken.
    static Result<ContainerDir> make(const fs::path &root, const std::string &id);
    // ENOENT when there is no such container.
    static Result<ContainerDir> open(const fs::path &root, const std::string &id, bool lock = true);

    const fs::path &path() const { return path_; }
    BorrowedFd fd() const { return fd_; }
    Result<State> load() const;
    Status store(const State &state) const;
    Status remove();

  private:
    ContainerDir(Fd fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Fd fd_;
    fs::path path_;
};

// What it does now. `first_process`, where not null, gets the pidfd of a container that is alive.
Result<Phase> phase_of(const State &state, const ContainerDir &directory, Fd *first_process = nullptr);

// The ids below `root`, sorted; what is no container is passed over.
Result<std::vector<std::string>> container_ids(const fs::path &root);

// The state of the specification (`state` prints it, hooks get it on stdin).
std::string oci_state(const State &state, Phase phase, pid_t pid);

} // namespace ballast::container
