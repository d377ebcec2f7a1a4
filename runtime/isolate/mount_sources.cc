// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mount.h>

#include "base/file_io.h"
#include "runtime/isolate/idmap.h"
#include "runtime/isolate/mounts.h"

// The parent's part of bind mounts.
namespace ballast::isolate {
namespace {

bool same(const std::vector<oci::IdMapping> &a, const std::vector<oci::IdMapping> &b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.size(); i++) {
        if (a[i].container_id != b[i].container_id || a[i].host_id != b[i].host_id || a[i].size != b[i].size) {
            return false;
        }
    }
    return true;
}

// Mounts with the same mappings share a user namespace: it costs a process to make one.
class UserNamespaces {
  public:
    Result<int> get(const MountStep &step) {
        for (const Entry &entry : entries_) {
            if (entry.step->user_namespace == step.user_namespace && same(entry.step->uids, step.uids) &&
                same(entry.step->gids, step.gids)) {
                return entry.fd.get();
            }
        }
        Fd fd = TRY(step.user_namespace.empty() ? mapped_user_namespace(step.uids, step.gids)
                                                : open_file(step.user_namespace, O_RDONLY));
        entries_.push_back({&step, std::move(fd)});
        return entries_.back().fd.get();
    }

  private:
    struct Entry {
        const MountStep *step;
        Fd fd;
    };
    std::vector<Entry> entries_;
};

std::string named(std::size_t index, const MountStep &step) {
    return "mounts[" + std::to_string(index) + "] (" + step.destination + ")";
}

Status change(const MountStep &step, const Fd &tree, UserNamespaces &namespaces, const std::string &where) {
    int user_namespace = step.idmapped() ? TRY(namespaces.get(step).within(where)) : -1;
    if (apply_changes(step.changes, tree.get(), user_namespace)) {
        return {};
    }
    int code = errno;
    return fail_errno(where + ": set the options of " + step.source +
                          (step.idmapped() && code == EINVAL ? " (can its file system be id-mapped?)" : ""),
                      code);
}

// A clone of all that is mounted below the source, the container's root and what is mounted there among them.
bool holds_root(const MountStep &step, const std::string &root) {
    const std::string source = step.source.ends_with('/') ? step.source : step.source + "/";
    return step.recursive && root.starts_with(source);
}

} // namespace

Status prepare_mounts(std::vector<MountStep> &steps, const std::string &left_to_child) {
    UserNamespaces namespaces;
    for (std::size_t i = 0; i < steps.size(); i++) {
        MountStep &step = steps[i];
        if (step.kind != MountKind::kBind ||
            (!left_to_child.empty() && !step.idmapped() && !holds_root(step, left_to_child))) {
            continue;
        }
        unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step.recursive ? AT_RECURSIVE : 0U) |
                         (step.source_nofollow ? AT_SYMLINK_NOFOLLOW : 0U);
        Fd tree(open_tree(AT_FDCWD, step.source.c_str(), flags));
        if (!tree.is_open()) {
            if (errno == EPERM && !step.idmapped()) {
                continue; // the child may, in its user namespace
            }
            return fail_errno(named(i, step) + ": open " + step.source);
        }
        TRY(change(step, tree, namespaces, named(i, step)));
        step.tree = std::move(tree);
    }
    return {};
}

} // namespace ballast::isolate
