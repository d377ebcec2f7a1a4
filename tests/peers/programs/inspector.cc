// SPDX-License-Identifier: Apache-2.0
// Says what a process sees from inside of a container, one "KEY=VALUE" a line, so that what two OCI runtimes made of
// one bundle can be compared. Static: containers hold nothing else.
#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <string>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

namespace {

void say(const std::string &key, const std::string &value) { std::printf("%s=%s\n", key.c_str(), value.c_str()); }

std::string number(long long value) { return std::to_string(value); }

std::string first_line(const std::string &path) {
    std::ifstream file(path);
    std::string line;
    return std::getline(file, line) ? line : "-";
}

std::vector<std::string> names_in(const char *path) {
    std::vector<std::string> names;
    if (DIR *directory = opendir(path); directory != nullptr) {
        while (const dirent *entry = readdir(directory)) {
            const std::string name = entry->d_name;
            if (name != "." && name != "..") {
                names.push_back(name);
            }
        }
        closedir(directory);
    }
    std::ranges::sort(names);
    return names;
}

std::string link_target(const std::string &path) {
    std::string target(4096, '\0');
    const ssize_t length = readlink(path.c_str(), target.data(), target.size());
    target.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return target;
}

// Without the numbers that differ from one mount to the next: ids, devices, peer groups.
void say_mounts() {
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string id, parent, device, root, target, options, word, propagation, type, source, super;
        words >> id >> parent >> device >> root >> target >> options;
        while (words >> word && word != "-") {
            propagation += word.substr(0, word.find(':')) + ",";
        }
        words >> type >> source >> super;
        if (type == "cgroup2") {
            root = "(cgroup)";
        }
        say("mount " + target, type + " " + source + " " + root + " " + options + " " + super + " " + propagation);
    }
}

void say_status() {
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);) {
        for (const char *key :
             {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp:", "Uid", "Gid", "Groups",
              "Umask", "SigBlk", "SigIgn", "Cpus_allowed_list", "Mems_allowed_list"}) {
            if (line.starts_with(key)) {
                const std::size_t colon = line.find(':');
                say("status " + line.substr(0, colon), line.substr(colon + 1));
            }
        }
    }
}

void say_limits() {
    for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
        rlimit limit{};
        getrlimit(static_cast<__rlimit_resource>(resource), &limit);
        say("rlimit " + number(resource),
            number(static_cast<long long>(limit.rlim_cur)) + " " + number(static_cast<long long>(limit.rlim_max)));
    }
}

void say_devices(const std::string &directory) {
    for (const std::string &name : names_in(directory.c_str())) {
        const std::string path = directory + "/" + name;
        struct stat status{};
        if (lstat(path.c_str(), &status) != 0) {
            continue;
        }
        char text[128];
        std::snprintf(text, sizeof text, "%o %u:%u %u:%u", status.st_mode, status.st_uid, status.st_gid,
                      major(status.st_rdev), minor(status.st_rdev));
        say("device " + path, std::string(text) + (S_ISLNK(status.st_mode) ? " " + link_target(path) : ""));
    }
}

void say_process() {
    char text[512];
    say("cwd", getcwd(text, sizeof text) != nullptr ? text : "-");
    say("hostname", first_line("/proc/sys/kernel/hostname"));
    say("domainname", first_line("/proc/sys/kernel/domainname"));
    say("oom_score_adj", first_line("/proc/self/oom_score_adj"));
    say("pid", number(getpid()));
    say("session leader", number(getsid(0) == getpid()));
    say("personality", number(personality(0xffffffff)));
    say("securebits", number(prctl(PR_GET_SECUREBITS)));
    say("scheduler", number(sched_getscheduler(0)));
    say("nice", number(getpriority(PRIO_PROCESS, 0)));
    say("ioprio", number(syscall(SYS_ioprio_get, 1, 0)));
    say("uid map", first_line("/proc/self/uid_map"));
    say("gid map", first_line("/proc/self/gid_map"));
    say("label", first_line("/proc/self/attr/current"));
    std::string open;
    for (const std::string &name : names_in("/proc/self/fd")) {
        const std::string target = link_target("/proc/self/fd/" + name);
        if (!target.starts_with("/proc/")) { // the directory that is being listed
            open += name + " ";
        }
    }
    say("open files", open);
    for (const int standard : {0, 1, 2}) {
        winsize size{};
        if (isatty(standard) != 0) {
            ioctl(standard, TIOCGWINSZ, &size);
            say("terminal " + number(standard), number(size.ws_row) + "x" + number(size.ws_col));
        }
    }
}

} // namespace

int main() {
    say_mounts();
    say_status();
    say_limits();
    say_devices("/dev");
    say_process();
    for (char **variable = environ; *variable != nullptr; ++variable) {
        say("environment", *variable);
    }
    for (const std::string &name : names_in("/proc/self/ns")) {
        say("namespace " + name, link_target("/proc/self/ns/" + name));
    }
    for (const char *name : {"memory.max", "memory.low", "memory.high", "memory.swap.max", "memory.oom.group",
                             "pids.max", "cpu.max", "cpu.weight", "cpu.idle", "cpuset.cpus", "cpuset.mems", "io.weight",
                             "io.max", "cgroup.type", "cgroup.subtree_control", "hugetlb.2MB.max"}) {
        say(std::string("cgroup ") + name, first_line(std::string("/sys/fs/cgroup/") + name));
    }
    for (const char *name : {"kernel/msgmax", "kernel/shm_rmid_forced", "net/core/somaxconn",
                             "net/ipv4/ip_unprivileged_port_start", "net/ipv4/ping_group_range"}) {
        say(std::string("sysctl ") + name, first_line(std::string("/proc/sys/") + name));
    }
    for (const char *path : {"/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/sys/kernel/profiling", "/written"}) {
        const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        say(std::string("write ") + path, number(file < 0 ? errno : 0));
        if (file >= 0) {
            close(file);
        }
    }
    return 0;
}
