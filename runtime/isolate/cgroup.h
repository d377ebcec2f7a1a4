// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/oom_watch.h"
#include "runtime/isolate/statistics.h"
#include "runtime/oci/spec.h"

// A container's place in the unified hierarchy (cgroups(7), version 2 only). All reads and writes go through a
// descriptor of the container's own directory.
namespace ballast::isolate {

enum class CgroupManager { kCgroupfs, kSystemd, kDisabled };

// What a state file keeps: enough to find the cgroup again from another process.
struct CgroupPlace {
    CgroupManager manager = CgroupManager::kCgroupfs;
    std::string path;  // below the mount of cgroup2, starting with "/"; empty when disabled
    std::string scope; // the systemd unit; empty otherwise
};

struct CgroupRequest {
    CgroupManager manager = CgroupManager::kCgroupfs;
    std::string id;
    std::string cgroups_path; // linux.cgroupsPath; with systemd "slice:prefix:name"
    bool rootless = false;    // what an undelegated tree refuses is passed over when nothing was asked of it
    std::map<std::string, std::string> annotations; // org.systemd.property.NAME: properties of the scope
};

class Cgroup {
  public:
    // cgroupfs: makes the directory (EEXIST when it holds processes), enables controllers on the way down, sets limits
    // and device rules, so that the container is born inside them. systemd: checks and keeps, until adopt().
    static Result<Cgroup> create(const CgroupRequest &request, const oci::Resources &resources);
    // Where create() will make it, so that it can be written down before; a systemd scope has no path yet.
    static Result<CgroupPlace> place_of(const CgroupRequest &request);
    // The cgroup of a container that was created; one that is gone is not an error until something is asked of it.
    // `rootless`: its scope is one of the user's own systemd.
    static Result<Cgroup> open(const CgroupPlace &place, bool rootless = false);
    // The cgroup that `pid` is in, for an exec whose container has handed controllers down (EBUSY from clone3(2)): a
    // cgroup that does so takes no processes, so the new one joins the first.
    static Result<Fd> directory_of(pid_t pid);

    // The directory for CLONE_INTO_CGROUP; nullopt when the process has to be adopt()ed (systemd) or stays (disabled).
    std::optional<int> clone_into() const;
    // systemd: asks for the scope with `pid` in it, waits for the job, sets what units cannot say. Otherwise nothing.
    Status adopt(pid_t pid);
    // Moves a process in (exec without clone_into, joins of a sub-cgroup).
    Status enter(pid_t pid) const;

    Status update(const oci::Resources &resources);
    Status freeze() const; // waits until the kernel says frozen
    Status thaw() const;
    Result<bool> frozen() const;
    Result<std::vector<pid_t>> processes() const; // with those of sub-cgroups
    // SIGKILL goes through cgroup.kill; others one by one until no new process shows up.
    Status signal_all(int number) const;
    // Kills what is left, waits for it, removes the directory with its sub-cgroups, stops the scope. Gone is fine.
    Status remove();

    CgroupPlace place() const;
    BorrowedFd directory() const; // -1 when disabled, and before adopt() with systemd

    // A cgroup inside this one, for `exec --cgroup`: it has to be there. The path may not leave this cgroup.
    Result<Fd> sub_cgroup(const std::string &path) const;
    // Makes a user of the host the owner of the cgroup, as far as the kernel lets owners delegate (cgroups(7)): for a
    // container with its own user and cgroup namespaces and a writable mount.
    Status delegate_to(uid_t uid, gid_t gid) const;
    Result<Statistics> statistics() const;
    Result<OomWatch> watch_oom() const;
    // Resources that were passed over, by their JSON paths: version 2 has no place for them. For a warning.
    const std::vector<std::string> &ignored() const;

  private:
    struct Data;
    explicit Cgroup(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;

  public:
    Cgroup(Cgroup &&) noexcept;
    Cgroup &operator=(Cgroup &&) noexcept;
    ~Cgroup();
};

} // namespace ballast::isolate
