// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/loopback/loopback.h"

#include <algorithm>
#include <array>
#include <asm/socket.h>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <set>
#include <string>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "base/file_io.h"

namespace ballast::network::loopback {
namespace {

constexpr std::string_view kPortsName = "ballast_ports", kFlowsName = "ballast_flows";
constexpr std::uint32_t kMostPorts = 1 << 18; // 65535 of two protocols and families; memory is taken as they come
constexpr std::uint32_t kFlowsKept = 8192;    // the least recently used makes room; 1 MiB

std::unexpected<Error> failed(const std::string &what, int code) {
    return bpf::failed("ports on the host's loopback addresses: " + what, code,
                       "programs for socket addresses (CONFIG_CGROUP_BPF)");
}

Result<Fd> create_map(bpf_map_type type, std::string_view name, std::size_t key, std::uint32_t most, unsigned flags) {
    bpf::Outcome<Fd> map = bpf::create_map(
        {.type = type, .name = name, .key = key, .value = sizeof(Destination), .most = most, .flags = flags});
    return map ? Result<Fd>(std::move(*map)) : failed("make a map", map.error());
}

template <typename Info>
bool describe(const Fd &object, Info &info) {
    bpf_attr attributes{};
    attributes.info.bpf_fd = static_cast<__u32>(object.get());
    attributes.info.info = bpf::address(&info);
    attributes.info.info_len = sizeof info;
    return bpf::call(BPF_OBJ_GET_INFO_BY_FD, attributes) == 0;
}

// The maps that a program uses.
std::vector<Fd> maps_of(const Fd &program) {
    std::array<std::uint32_t, 4> ids{};
    bpf_prog_info info{};
    info.nr_map_ids = ids.size();
    info.map_ids = bpf::address(ids.data());
    std::vector<Fd> maps;
    if (!describe(program, info)) {
        return maps;
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(info.nr_map_ids, ids.size()); i++) {
        bpf_attr by_id{};
        by_id.map_id = ids[i];
        if (Fd map(bpf::call(BPF_MAP_GET_FD_BY_ID, by_id)); map.is_open()) {
            maps.push_back(std::move(map));
        }
    }
    return maps;
}

// One that we would make ourselves.
bool is_map(const Fd &map, std::string_view name, std::size_t key) {
    bpf_map_info info{};
    return describe(map, info) && info.key_size == key && info.value_size == sizeof(Destination) &&
           std::string_view(info.name, ::strnlen(info.name, sizeof info.name)) == name;
}

bool next_key(const Fd &map, const PortKey *before, PortKey &key) {
    bpf_attr attributes{};
    attributes.map_fd = static_cast<__u32>(map.get());
    attributes.key = bpf::address(before);
    attributes.next_key = bpf::address(&key);
    return bpf::call(BPF_MAP_GET_NEXT_KEY, attributes) == 0;
}

std::set<PortKey> keys_of(const Fd &map) {
    std::set<PortKey> keys;
    PortKey key;
    for (bool more = next_key(map, nullptr, key); more && keys.insert(key).second;) {
        const PortKey before = key;
        more = next_key(map, &before, key);
    }
    return keys;
}

Status enter(const Fd &map, const Entry &entry) {
    bpf_attr attributes{};
    attributes.map_fd = static_cast<__u32>(map.get());
    attributes.key = bpf::address(&entry.key);
    attributes.value = bpf::address(&entry.destination);
    attributes.flags = BPF_ANY;
    return bpf::call(BPF_MAP_UPDATE_ELEM, attributes) == 0 ? Status() : failed("enter a port", errno);
}

Status take_out(const Fd &map, const PortKey &key) {
    bpf_attr attributes{};
    attributes.map_fd = static_cast<__u32>(map.get());
    attributes.key = bpf::address(&key);
    return bpf::call(BPF_MAP_DELETE_ELEM, attributes) == 0 || errno == ENOENT ? Status()
                                                                              : failed("take a port out", errno);
}

Result<std::uint64_t> namespace_cookie() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (!socket.is_open() || getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) {
        return failed("tell the host's network namespace from others", errno);
    }
    return cookie;
}

Status detach_all(const Fd &cgroup, const std::map<const Hook *, std::vector<Fd>> &attached) {
    for (const auto &[hook, programs] : attached) {
        for (const Fd &program : programs) {
            if (const int code = bpf::detach(cgroup, hook->kind, program); code != 0) {
                return failed("detach " + std::string(hook->kind.name), code);
            }
        }
    }
    return {};
}

} // namespace

// Those that attached programs use; what is not there, new.
Status Loopback::open_maps(const Attached &attached) {
    for (const auto &[hook, programs] : attached) {
        for (const Fd &program : programs) {
            for (Fd &map : maps_of(program)) {
                if (!ports_.is_open() && is_map(map, kPortsName, sizeof(PortKey))) {
                    ports_ = std::move(map);
                } else if (!flows_.is_open() && is_map(map, kFlowsName, sizeof(FlowKey))) {
                    flows_ = std::move(map);
                }
            }
        }
    }
    if (!ports_.is_open()) {
        ports_ = TRY(create_map(BPF_MAP_TYPE_HASH, kPortsName, sizeof(PortKey), kMostPorts, BPF_F_NO_PREALLOC));
    }
    if (!flows_.is_open()) {
        flows_ = TRY(create_map(BPF_MAP_TYPE_LRU_HASH, kFlowsName, sizeof(FlowKey), kFlowsKept, 0));
    }
    return {};
}

// New and changed ones first: a port that moves to another container is never nowhere.
Status Loopback::fill(const std::vector<Entry> &entries) {
    std::set<PortKey> stale;
    if (!filled_) {
        stale = keys_of(ports_);
    } else {
        std::ranges::transform(*filled_, std::inserter(stale, stale.end()), &Entry::key);
    }
    const std::vector<Entry> before = filled_.value_or(std::vector<Entry>());
    filled_.reset(); // unless all goes well
    for (const Entry &entry : entries) {
        stale.erase(entry.key);
        if (!std::ranges::binary_search(before, entry)) {
            TRY(enter(ports_, entry));
        }
    }
    for (const PortKey &gone : stale) {
        TRY(take_out(ports_, gone));
    }
    filled_ = entries;
    return {};
}

bool Loopback::in_force(const Attached &attached) const {
    return std::ranges::all_of(attached, [this](const auto &one) {
        const auto &[hook, programs] = one;
        const auto id = ids_.find(hook);
        bpf_prog_info info{};
        return id != ids_.end() && programs.size() == 1 && describe(programs.front(), info) && info.id == id->second;
    });
}

Status Loopback::put_in_force(const Fd &directory, Attached &attached) {
    const std::uint64_t cookie = TRY(namespace_cookie());
    for (const Hook &hook : hooks()) {
        const bpf::Outcome<Fd> loaded = bpf::load(hook.kind, program_of(hook, cookie, ports_.get(), flows_.get()));
        if (!loaded) {
            return failed("load " + std::string(hook.kind.name), loaded.error());
        }
        std::vector<Fd> &old = attached[&hook];
        if (const int code = bpf::attach(directory, hook.kind, *loaded, old.empty() ? -1 : old.back().get());
            code != 0) {
            return failed("attach " + std::string(hook.kind.name), code);
        }
        if (!old.empty()) {
            old.pop_back();
        }
        bpf_prog_info info{};
        if (describe(*loaded, info)) {
            ids_[&hook] = info.id;
        }
    }
    return detach_all(directory, attached); // what was there twice
}

Status Loopback::publish(std::span<const PublishedPort> ports) {
    const Fd directory = TRY(open_file(cgroup_, O_RDONLY | O_DIRECTORY));
    struct statfs about{};
    if (fstatfs(directory.get(), &about) != 0 || about.f_type != CGROUP2_SUPER_MAGIC) {
        return fail(ENOTSUP, "ports on the host's loopback addresses: " + cgroup_.string() +
                                 " is not cgroup version 2, which they take");
    }
    Attached attached;
    for (const Hook &hook : hooks()) {
        bpf::Outcome<std::vector<Fd>> found = bpf::attached(directory, hook.kind);
        if (!found) {
            return failed("look for attached programs", found.error());
        }
        attached[&hook] = std::move(*found);
    }
    const std::vector<Entry> entries = entries_of(ports);
    if (entries.empty()) {
        ids_.clear();
        filled_.reset();
        ports_.close();
        flows_.close();
        return detach_all(directory, attached);
    }
    TRY(open_maps(attached));
    TRY(fill(entries));
    return in_force(attached) ? Status() : put_in_force(directory, attached);
}

} // namespace ballast::network::loopback
