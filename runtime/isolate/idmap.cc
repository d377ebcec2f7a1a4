// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/idmap.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::isolate {
namespace {

std::string mapping_lines(const std::vector<oci::IdMapping> &mappings) {
    std::string lines;
    for (const oci::IdMapping &mapping : mappings) {
        lines += std::to_string(mapping.container_id) + " " + std::to_string(mapping.host_id) + " " +
                 std::to_string(mapping.size) + "\n";
    }
    return lines;
}

Status write_mapping(const std::string &process, const std::string &name, const std::vector<oci::IdMapping> &mappings) {
    Fd file = TRY(open_file(process + name, O_WRONLY));
    // The kernel takes a mapping in one write(2) or not at all.
    return write_all(file, mapping_lines(mappings)).within("write " + name);
}

// A process in a user namespace of its own, until this object goes.
class Holder {
  public:
    static Result<Holder> start() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) {
            return fail_errno("make a pipe");
        }
        Fd wait(ends[0]);
        Fd keep(ends[1]);
        long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
        if (child == 0) {
            // End of file when the parent is done, or dead: its end is the only one left.
            ::close(ends[1]);
            char nothing = 0;
            while (read(ends[0], &nothing, 1) < 0 && errno == EINTR) {
            }
            _exit(0);
        }
        if (child < 0) {
            return fail_errno("make a user namespace");
        }
        return Holder(static_cast<pid_t>(child), std::move(keep));
    }

    Holder(Holder &&other) noexcept : child_(std::exchange(other.child_, -1)), keep_(std::move(other.keep_)) {}
    Holder &operator=(Holder &&) = delete;
    Holder(const Holder &) = delete;
    Holder &operator=(const Holder &) = delete;
    ~Holder() {
        if (child_ > 0) {
            keep_.close();
            while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
            }
        }
    }

    std::string process() const { return "/proc/" + std::to_string(child_) + "/"; }

  private:
    Holder(pid_t child, Fd keep) : child_(child), keep_(std::move(keep)) {}
    pid_t child_;
    Fd keep_;
};

} // namespace

Result<Fd> mapped_user_namespace(const std::vector<oci::IdMapping> &uids, const std::vector<oci::IdMapping> &gids) {
    Holder holder = TRY(Holder::start());
    TRY(write_mapping(holder.process(), "uid_map", uids));
    TRY(write_mapping(holder.process(), "gid_map", gids));
    return open_file(holder.process() + "ns/user", O_RDONLY);
}

bool map_to_host(const std::vector<oci::IdMapping> &mappings, std::uint32_t id, std::uint32_t &host_id) {
    for (const oci::IdMapping &mapping : mappings) {
        if (id >= mapping.container_id && id - mapping.container_id < mapping.size) {
            host_id = mapping.host_id + (id - mapping.container_id);
            return true;
        }
    }
    return false;
}

} // namespace ballast::isolate
