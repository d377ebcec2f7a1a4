// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/identity.h"

#include <algorithm>
#include <fcntl.h>
#include <linux/magic.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/isolate/user.h"

namespace ballast::container {

std::string user_name(uid_t uid) {
    if (uid == 0) {
        return "root";
    }
    const std::string number = std::to_string(uid);
    const std::string passwd = read_file("/etc/passwd", 1UL << 20).value_or("");
    for (std::size_t line = 0; line < passwd.size();) {
        const std::size_t end = std::min(passwd.find('\n', line), passwd.size());
        const std::size_t name = passwd.find(':', line);
        const std::size_t password = name < end ? passwd.find(':', name + 1) : std::string::npos;
        const std::size_t id = password < end ? passwd.find(':', password + 1) : std::string::npos;
        if (id < end && passwd.compare(password + 1, id - password - 1, number) == 0) {
            return passwd.substr(line, name - line);
        }
        line = end + 1;
    }
    return number;
}

std::uint32_t first_mapped(const std::vector<oci::IdMapping> &mappings) {
    const auto first = std::ranges::min_element(mappings, {}, &oci::IdMapping::container_id);
    return first == mappings.end() ? 0 : first->container_id;
}

std::uint32_t host_id(const std::vector<oci::IdMapping> &mappings, std::uint32_t container_id) {
    for (const oci::IdMapping &mapping : mappings) {
        if (container_id >= mapping.container_id && container_id - mapping.container_id < mapping.size) {
            return mapping.host_id + (container_id - mapping.container_id);
        }
    }
    return container_id;
}

Result<Fd> open_host_proc() {
    constexpr ino_t kProcRoot = 1; // PROC_ROOT_INO: not some directory below that was bound over it
    Fd proc = TRY(open_file("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    struct statfs system{};
    struct stat status{};
    if (fstatfs(proc.get(), &system) != 0 || fstat(proc.get(), &status) != 0) {
        return fail_errno("/proc");
    }
    if (system.f_type != PROC_SUPER_MAGIC || status.st_ino != kProcRoot) {
        return fail(EINVAL, "/proc is not procfs; the runtime needs it mounted");
    }
    return proc;
}

Status set_home(isolate::ProcessPlan &process, BorrowedFd root) {
    const bool given =
        std::ranges::any_of(process.env.list(), [](const std::string &entry) { return entry.starts_with("HOME="); });
    if (!given) {
        process.env.add("HOME=" + TRY(isolate::home_of(root, process.user.uid)));
        process.env.freeze();
    }
    return {};
}

Status write_pid_file(const std::filesystem::path &file, pid_t pid) {
    const std::string temporary = file.string() + ".tmp";
    TRY(write_file(temporary, std::to_string(pid)).within("--pid-file"));
    if (rename(temporary.c_str(), file.c_str()) != 0) {
        const int code = errno;
        unlink(temporary.c_str());
        return fail_errno("--pid-file: rename to " + file.string(), code);
    }
    return {};
}

// Of the container process state, not of the container: the one that the specification's example shows and crun sends.
constexpr const char *kProcessStateVersion = "0.2.0";

std::string seccomp_process_state(const State &state, Phase phase, pid_t pid, const std::string &metadata) {
    const nlohmann::ordered_json text = {
        {"ociVersion", kProcessStateVersion},
        {"fds", {"seccompFd"}},
        {"pid", pid},
        {"metadata", metadata},
        {"state", nlohmann::ordered_json::parse(oci_state(state, phase, state.pid))},
    };
    return text.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace ballast::container
