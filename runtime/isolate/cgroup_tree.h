// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/isolate/cgroup_directory.h"

// The unified hierarchy: where it is mounted, where we are in it, making and removing directories, handing controllers
// down. A cgroup may hold processes or hand controllers down, not both (cgroups(7), "no internal processes"); the root
// may do both.
namespace ballast::isolate {

namespace controller {
// Bits of a set of controllers, those that limit a container.
inline constexpr unsigned kCpu = 1, kCpuset = 2, kIo = 4, kMemory = 8, kPids = 16, kHugetlb = 32, kRdma = 64,
                          kMisc = 128, kDmem = 256;
inline constexpr unsigned kThreaded = kCpu | kCpuset | kPids; // those that work in threaded cgroups

unsigned parse(std::string_view names);   // "cpu io memory\n"; names that we do not know are left out
std::string names(unsigned controllers);  // "cpu, io"
std::string enable(unsigned controllers); // "+cpu +io"
} // namespace controller

// /sys/fs/cgroup, when it is version 2; ENOTSUP otherwise (version 1, hybrid).
Result<CgroupDir> cgroup_root();

// Our own cgroup, or that of `pid`, as our cgroup namespace sees it: the line "0::PATH" of /proc/PID/cgroup. ENOTSUP
// when there is no such line, EINVAL when it lies outside of our cgroup namespace.
Result<std::string> parse_own_cgroup(std::string_view proc_cgroup);
Result<std::string> own_cgroup();
Result<std::string> cgroup_of(pid_t pid);

// "/a//b/./c/" becomes "/a/b/c". EINVAL for "..", control characters, names of more than 255 bytes, and the root.
Result<std::string> normal_cgroup_path(std::string_view path);
// The directory above; "/" for "/a" and "/".
std::string parent_cgroup(const std::string &path);

// Makes the directory (0755) with those above it, and hands every controller that the machine has down to it. EEXIST
// when it is there and holds processes. A controller of `needed` that cannot be had is an error that says why; others
// are passed over. Nothing is left behind on failure. `made` says whether the directory is new.
struct MadeCgroup {
    CgroupDir directory;
    bool made = false;
};
Result<MadeCgroup> make_cgroup(const CgroupDir &root, const std::string &path, unsigned needed);

// Removes the directory with those below it, deepest first. ENOENT is fine; EBUSY while one holds processes.
Status remove_cgroup(const CgroupDir &root, const std::string &path);

} // namespace ballast::isolate
