// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/plan_mounts.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/quote.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::ordered_json;

Json mount(const std::string &target, const std::string &type, const std::string &source, const Texts &options) {
    return {{"destination", target}, {"type", type}, {"source", source}, {"options", options}};
}

class MountList {
  public:
    explicit MountList(const PlanInput &input) : input_(&input) {}

    // Unless the user mounts something of their own there.
    void add_default(const Json &entry) {
        const std::string target = entry["destination"];
        const bool taken = std::ranges::contains(input_->container->mounts, target, &MountPoint::destination);
        if (!taken) {
            list_.push_back(entry);
        }
    }
    void add(const Json &entry) { list_.push_back(entry); }
    Json take() { return std::move(list_); }

  private:
    const PlanInput *input_;
    Json list_ = Json::array();
};

void add_kernel_mounts(const PlanInput &input, MountList &list) {
    const HostConfig &host = input.container->host;
    const char *access = host.privileged ? "rw" : "ro";
    list.add_default(mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
    list.add_default(mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
    list.add_default(mount("/dev/pts", "devpts", "devpts",
                           {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
    list.add_default(mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}));
    if (!input.cgroup.empty()) {
        list.add_default(mount("/sys/fs/cgroup", "cgroup", "cgroup", {access, "nosuid", "noexec", "nodev"}));
    }
    if (host.ipc_mode == "host") {
        list.add_default(mount("/dev/mqueue", "bind", "/dev/mqueue", {"rbind", "nosuid", "noexec", "nodev"}));
    } else {
        list.add_default(mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
    }
}

void add_shm(const PlanInput &input, MountList &list) {
    const HostConfig &host = input.container->host;
    if (host.ipc_mode == "none") {
        return;
    }
    if (!input.shm.empty()) {
        list.add_default(mount("/dev/shm", "bind", input.shm, {"rbind", "rprivate"}));
        return;
    }
    const std::int64_t size = host.shm_size > 0 ? host.shm_size : input.default_shm_size;
    list.add_default(
        mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(size)}));
}

void add_files(const PlanInput &input, MountList &list) {
    const Snapshot &container = *input.container;
    const std::array<std::pair<const char *, const std::string *>, 3> files = {
        {{"/etc/resolv.conf", &container.resolv_conf_path},
         {"/etc/hostname", &container.hostname_path},
         {"/etc/hosts", &container.hosts_path}}};
    for (const auto &[target, source] : files) {
        if (!source->empty()) {
            Texts options = {"rbind", "rprivate"};
            if (container.host.read_only_rootfs) {
                options.emplace_back("ro");
            }
            if (!input.user_namespace.empty()) {
                options.emplace_back("idmap");
            }
            list.add_default(mount(target, "bind", *source, options));
        }
    }
    if (!input.init_program.empty()) {
        list.add(mount("/sbin/docker-init", "bind", input.init_program, {"bind", "ro"}));
    }
}

Result<Json> tmpfs_mount(const MountPoint &point) {
    Texts options = {"noexec", "nosuid", "nodev"};
    if (point.tmpfs.size_bytes > 0) {
        options.push_back("size=" + std::to_string(point.tmpfs.size_bytes));
    }
    if (point.tmpfs.mode != 0) {
        std::array<char, 24> mode{};
        (void)std::snprintf(mode.data(), mode.size(), "mode=%o", point.tmpfs.mode); // 11 digits at most
        options.emplace_back(mode.data());
    }
    if (!point.writable) {
        options.emplace_back("ro");
    }
    for (const std::string &option : TRY(tmpfs_options(point.tmpfs_options))) {
        std::erase(options, "no" + option); // "exec" takes "noexec" back
        options.push_back(option);
    }
    return mount(point.destination, "tmpfs", "tmpfs", options);
}

Json bind_mount(const MountPoint &point, const std::string &source, bool map_owners) {
    Texts options = {point.non_recursive ? "bind" : "rbind"};
    if (!point.writable) {
        // A mount below it stays writable otherwise.
        options.emplace_back(point.recursive_read_only && !point.non_recursive ? "rro" : "ro");
    }
    options.push_back(point.propagation.empty() ? "rprivate" : point.propagation);
    if (map_owners && (point.map_owners || point.type == "volume")) {
        options.emplace_back("idmap");
    }
    if (point.type == "image") { // its files are data; programs of images run as containers
        options.insert(options.end(), {"noexec", "nosuid", "nodev"});
    }
    return mount(point.destination, "bind", source, options);
}

} // namespace

Result<Texts> tmpfs_options(const std::string &options) {
    constexpr std::array kFlags = std::to_array<std::string_view>(
        {"exec",       "noexec",   "suid",       "nosuid",      "dev",           "nodev",   "ro",
         "rw",         "sync",     "async",      "dirsync",     "atime",         "noatime", "diratime",
         "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime", "remount", "defaults"});
    constexpr std::array kValues =
        std::to_array<std::string_view>({"mode", "uid", "gid", "size", "nr_inodes", "nr_blocks", "mpol", "huge"});
    Texts result;
    std::size_t start = 0;
    while (start < options.size()) {
        const std::size_t end = std::min(options.find(',', start), options.size());
        const std::string option = options.substr(start, end - start);
        start = end + 1;
        const std::size_t equals = option.find('=');
        const bool known = equals == std::string::npos ? std::ranges::contains(kFlags, option)
                                                       : std::ranges::contains(kValues, option.substr(0, equals));
        if (!known && !option.empty()) {
            return fail(EINVAL, "Invalid tmpfs option " + quote(option));
        }
        if (!option.empty() && option != "defaults" && option != "remount") {
            result.push_back(option);
        }
    }
    return result;
}

std::string rootfs_propagation(const PlanInput &input) {
    std::string result;
    for (const MountPoint &point : input.container->mounts) {
        if (point.propagation == "shared" || point.propagation == "rshared") {
            return "rshared";
        }
        if (point.propagation == "slave" || point.propagation == "rslave") {
            result = "rslave";
        }
    }
    return result;
}

Result<Json> plan_mounts(const PlanInput &input) {
    MountList list(input);
    if (!input.pause_program.empty()) {
        list.add(mount("/pause", "bind", input.pause_program, {"bind", "ro", "nosuid", "nodev"}));
        return list.take();
    }
    add_kernel_mounts(input, list);
    add_shm(input, list);
    add_files(input, list);
    for (std::size_t index = 0; index < input.container->mounts.size(); index++) {
        const MountPoint &point = input.container->mounts[index];
        list.add(point.type == "tmpfs"
                     ? TRY(tmpfs_mount(point))
                     : bind_mount(point, input.volume_sources.at(index), !input.user_namespace.empty()));
    }
    return list.take();
}

} // namespace ballast::engine
