// SPDX-License-Identifier: Apache-2.0
#include "runtime/bpf/program.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::bpf {
namespace {

// The kernel allows 64 programs a cgroup and hook; the rest is for a kernel that allows more.
constexpr std::size_t kMostPrograms = 256;
constexpr std::size_t kReportSize = 64 << 10;

bpf_attr load_attributes(const ProgramKind &kind, std::span<const bpf_insn> instructions) {
    bpf_attr attributes{};
    attributes.prog_type = kind.type;
    attributes.expected_attach_type = kind.hook;
    attributes.insns = address(instructions.data());
    attributes.insn_cnt = static_cast<__u32>(instructions.size());
    attributes.license = address("Apache-2.0");
    std::ranges::copy(kind.name, attributes.prog_name);
    return attributes;
}

bpf_attr attach_attributes(BorrowedFd cgroup, const ProgramKind &kind, BorrowedFd program) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<__u32>(cgroup.get());
    attributes.attach_bpf_fd = static_cast<__u32>(program.get());
    attributes.attach_type = kind.hook;
    return attributes;
}

} // namespace

int call(bpf_cmd command, bpf_attr &attributes) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

std::unexpected<Error> failed(const std::string &message, int code, const std::string &lacks) {
    switch (code) {
    case EPERM:
        return fail(code, message + ": Operation not permitted (it takes CAP_BPF and CAP_NET_ADMIN)");
    case ENOSYS:
    case EINVAL:
        return fail(ENOTSUP, message + ": this kernel lacks " + lacks);
    default:
        return fail_errno(message, code);
    }
}

Outcome<Fd> create_map(const MapKind &kind) {
    bpf_attr attributes{};
    attributes.map_type = kind.type;
    attributes.key_size = static_cast<__u32>(kind.key);
    attributes.value_size = static_cast<__u32>(kind.value);
    attributes.max_entries = kind.most;
    attributes.map_flags = kind.flags;
    std::ranges::copy(kind.name, attributes.map_name);
    const int fd = call(BPF_MAP_CREATE, attributes);
    return fd >= 0 ? Outcome<Fd>(Fd(fd)) : std::unexpected(errno);
}

Outcome<Fd> load(const ProgramKind &kind, std::span<const bpf_insn> instructions) {
    bpf_attr attributes = load_attributes(kind, instructions);
    int fd = -1;
    do {
        fd = call(BPF_PROG_LOAD, attributes);
    } while (fd < 0 && (errno == EAGAIN || errno == EINTR)); // the verifier yields to a signal
    if (fd < 0) {
        return std::unexpected(errno);
    }
    return Fd(fd);
}

std::string why_refused(const ProgramKind &kind, std::span<const bpf_insn> instructions) {
    std::string report(kReportSize, '\0');
    bpf_attr attributes = load_attributes(kind, instructions);
    attributes.log_buf = address(report.data());
    attributes.log_size = static_cast<__u32>(report.size());
    attributes.log_level = 1;
    const Fd loaded(call(BPF_PROG_LOAD, attributes));
    report.resize(std::strlen(report.c_str()));
    return loaded.is_open() ? "" : report;
}

Outcome<bpf_prog_info> about(BorrowedFd program) {
    bpf_prog_info info{};
    bpf_attr attributes{};
    attributes.info.bpf_fd = static_cast<__u32>(program.get());
    attributes.info.info = address(&info);
    attributes.info.info_len = sizeof info;
    if (call(BPF_OBJ_GET_INFO_BY_FD, attributes) != 0) {
        return std::unexpected(errno);
    }
    return info;
}

bool is_kind(const bpf_prog_info &info, const ProgramKind &kind) {
    return info.type == kind.type && std::string_view(info.name, ::strnlen(info.name, sizeof info.name)) == kind.name;
}

int attach(BorrowedFd cgroup, const ProgramKind &kind, BorrowedFd program, int old) {
    bpf_attr attributes = attach_attributes(cgroup, kind, program);
    attributes.attach_flags = BPF_F_ALLOW_MULTI; // cgroups below may add their own; ours stays in force for them
    if (old >= 0) {
        attributes.attach_flags |= BPF_F_REPLACE;
        attributes.replace_bpf_fd = static_cast<__u32>(old);
    }
    return call(BPF_PROG_ATTACH, attributes) == 0 ? 0 : errno;
}

int detach(BorrowedFd cgroup, const ProgramKind &kind, BorrowedFd program) {
    bpf_attr attributes = attach_attributes(cgroup, kind, program);
    return call(BPF_PROG_DETACH, attributes) == 0 || errno == ENOENT ? 0 : errno;
}

Outcome<std::vector<Fd>> attached(BorrowedFd cgroup, const ProgramKind &kind) {
    std::vector<__u32> ids(kMostPrograms);
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<__u32>(cgroup.get());
    attributes.query.attach_type = kind.hook;
    attributes.query.prog_ids = address(ids.data());
    attributes.query.prog_cnt = static_cast<__u32>(ids.size());
    if (call(BPF_PROG_QUERY, attributes) != 0) {
        return std::unexpected(errno);
    }
    std::vector<Fd> ours;
    for (std::size_t place = 0; place < std::min<std::size_t>(attributes.query.prog_cnt, ids.size()); place++) {
        bpf_attr by_id{};
        by_id.prog_id = ids[place];
        Fd program(call(BPF_PROG_GET_FD_BY_ID, by_id));
        if (!program.is_open() && errno == ENOENT) {
            continue; // gone since
        }
        const Outcome<bpf_prog_info> info =
            program.is_open() ? about(program) : Outcome<bpf_prog_info>(std::unexpected(errno));
        if (!info) {
            return std::unexpected(info.error());
        }
        if (is_kind(*info, kind)) {
            ours.push_back(std::move(program));
        }
    }
    return ours;
}

} // namespace ballast::bpf
