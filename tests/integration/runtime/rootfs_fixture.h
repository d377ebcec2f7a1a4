// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/file_io.h"
#include "runtime/isolate/rootfs.h"
#include "runtime/oci/spec.h"

// A container's file system without a container: namespaces, the sequence of rootfs.h, and a look from inside.
namespace ballast::isolate {

struct Trial {
    Trial(); // an empty bundle with /rootfs, a mount, pid, ipc, uts and network namespace, no mounts

    TemporaryDirectory bundle;
    std::filesystem::path root; // bundle/rootfs
    oci::Spec spec;
    RootfsSettings settings;
    bool prepare = true; // false: the child opens the sources, as for an unprivileged runtime
    bool console = false;
    // Runs on the host's side of things, in the new mount namespace, between build and enter.
    std::function<void()> built;

    oci::Mount &mount(const std::string &type, const std::string &destination, std::vector<std::string> options = {},
                      const std::string &source = "");
    // /proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys, /sys/fs/cgroup as `spec` of runc has them, and its masks.
    void use_defaults();
    void new_user_namespace(std::uint32_t first_host_id);
    void without(oci::NamespaceType type);
    void write(const std::string &inside, const std::string &content) const;
    void link(const std::string &inside, const std::string &target) const;

    // "" when `check`, run inside, said so; what it said; or "STEP[index]: text of errno" where building failed, or
    // "prepare: …".
    std::string run(const std::function<std::string()> &check) const;

  private:
    std::string run_here(const std::function<std::string()> &check) const;
};

// For checks: the fields of one mount in /proc/self/mountinfo; the last of several on a place.
struct MountLine {
    std::string options, type, source, super_options, propagation;
    bool found = false;
    bool has(const std::string &option) const;
};
MountLine mount_line(const std::string &place);

// "" or what is wrong, for use in checks.
std::string expect(bool fine, const std::string &what);
std::string content(const std::string &path); // of a file, or "errno: text"

} // namespace ballast::isolate
