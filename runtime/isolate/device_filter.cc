// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/device_filter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::isolate {
namespace {

// By this the program is found again among others. At most 15 letters.
constexpr std::string_view kName = "ballast_device";
static_assert(kName.size() < BPF_OBJ_NAME_LEN);
// The kernel allows 64 programs a cgroup and hook; the rest is for a kernel that allows more.
constexpr std::size_t kMostPrograms = 256;
// The program of most containers stays loaded here, under a name of its instructions: checking and translating it takes
// the kernel longer (350 us) than all else that a cgroup needs.
constexpr const char *kPinned = "/sys/fs/bpf/ballast";
constexpr mode_t kPinnedMode = 0700;

int bpf(bpf_cmd command, bpf_attr &attributes) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

template <typename T>
__u64 address(T *pointer) {
    return reinterpret_cast<__u64>(pointer);
}

std::unexpected<Error> failed(const char *what, int code) {
    std::string message = std::string("device rules: ") + what;
    switch (code) {
    case EPERM:
        return fail(code, message + ": Operation not permitted (it takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, "
                                    "outside of user namespaces)");
    case ENOSYS:
        return fail(code, message + ": this kernel has no bpf(2) (CONFIG_BPF_SYSCALL)");
    case EINVAL:
        return fail(code, message + ": this kernel has no device programs for cgroups (CONFIG_CGROUP_BPF)");
    case E2BIG:
        return fail(code, message + ": too many rules");
    default:
        return fail_errno(message, code);
    }
}

Result<Fd> load(const DeviceProgram &program) {
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.expected_attach_type = BPF_CGROUP_DEVICE;
    attributes.insns = address(program.instructions.data());
    attributes.insn_cnt = static_cast<__u32>(program.instructions.size());
    attributes.license = address("Apache-2.0"); // it calls no function of the kernel's, so any licence will do
    std::ranges::copy(kName, attributes.prog_name);
    int fd = -1;
    do {
        fd = bpf(BPF_PROG_LOAD, attributes);
    } while (fd < 0 && (errno == EAGAIN || errno == EINTR)); // the verifier yields to a signal
    if (fd < 0) {
        return failed("load", errno);
    }
    return Fd(fd);
}

Result<bpf_prog_info> about(const Fd &program) {
    bpf_prog_info info{};
    bpf_attr attributes{};
    attributes.info.bpf_fd = static_cast<__u32>(program.get());
    attributes.info.info = address(&info);
    attributes.info.info_len = sizeof info;
    if (bpf(BPF_OBJ_GET_INFO_BY_FD, attributes) != 0) {
        return failed("look at the program", errno);
    }
    return info;
}

bool has_our_name(const bpf_prog_info &info) {
    return info.type == BPF_PROG_TYPE_CGROUP_DEVICE &&
           std::string_view(info.name, ::strnlen(info.name, sizeof info.name)) == kName;
}

// Another version's program, with other instructions, has another name.
std::string pin_of(const DeviceProgram &program) {
    constexpr std::uint64_t kBasis = 0xcbf29ce484222325, kPrime = 0x100000001b3; // FNV-1a
    std::uint64_t hash = kBasis;
    for (const bpf_insn &instruction : program.instructions) {
        std::array<unsigned char, sizeof instruction> bytes{};
        std::memcpy(bytes.data(), &instruction, bytes.size());
        for (const unsigned char byte : bytes) {
            hash = (hash ^ byte) * kPrime;
        }
    }
    return std::string(kPinned) + "/devices-" + std::to_string(hash);
}

// Not open: it is not there, or not what it should be. The file system for pins may be writable for everyone, but only
// root can have loaded a program of this type as root.
Fd pinned(const std::string &path) {
    bpf_attr attributes{};
    attributes.pathname = address(path.c_str());
    Fd program(bpf(BPF_OBJ_GET, attributes));
    if (program.is_open()) {
        const Result<bpf_prog_info> info = about(program);
        if (!info.has_value() || !has_our_name(*info) || info->created_by_uid != 0) {
            program.close();
        }
    }
    return program;
}

void pin(const Fd &program, const std::string &path) {
    // All of this may fail: without a file system for pins every container loads its own, which is slower and as safe.
    (void)::mkdir(kPinned, kPinnedMode);
    bpf_attr attributes{};
    attributes.pathname = address(path.c_str());
    attributes.bpf_fd = static_cast<__u32>(program.get());
    (void)bpf(BPF_OBJ_PIN, attributes);
}

Result<Fd> loaded_program(const DeviceProgram &program) {
    if (!program.only_defaults) {
        return load(program);
    }
    const std::string path = pin_of(program);
    if (Fd kept = pinned(path); kept.is_open()) {
        return kept;
    }
    Fd fresh = TRY(load(program));
    pin(fresh, path);
    return fresh;
}

// `old` >= 0: exchanged for that one.
int attach(BorrowedFd cgroup, const Fd &program, int old) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<__u32>(cgroup.get());
    attributes.attach_bpf_fd = static_cast<__u32>(program.get());
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI; // cgroups below may add their own; ours stays in force for them
    if (old >= 0) {
        attributes.attach_flags |= BPF_F_REPLACE;
        attributes.replace_bpf_fd = static_cast<__u32>(old);
    }
    return bpf(BPF_PROG_ATTACH, attributes) == 0 ? 0 : errno;
}

Status detach(BorrowedFd cgroup, const Fd &program) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<__u32>(cgroup.get());
    attributes.attach_bpf_fd = static_cast<__u32>(program.get());
    attributes.attach_type = BPF_CGROUP_DEVICE;
    if (bpf(BPF_PROG_DETACH, attributes) != 0 && errno != ENOENT) {
        return failed("detach", errno);
    }
    return {};
}

Result<std::vector<Fd>> attached_programs(BorrowedFd cgroup) {
    std::vector<__u32> ids(kMostPrograms);
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<__u32>(cgroup.get());
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    attributes.query.prog_ids = address(ids.data());
    attributes.query.prog_cnt = static_cast<__u32>(ids.size());
    if (bpf(BPF_PROG_QUERY, attributes) != 0) {
        return failed("look for attached programs", errno);
    }
    std::vector<Fd> ours;
    for (std::size_t place = 0; place < std::min<std::size_t>(attributes.query.prog_cnt, ids.size()); place++) {
        bpf_attr by_id{};
        by_id.prog_id = ids[place];
        Fd program(bpf(BPF_PROG_GET_FD_BY_ID, by_id));
        if (!program.is_open()) {
            if (errno == ENOENT) {
                continue; // gone since
            }
            return failed("open the attached program", errno);
        }
        if (has_our_name(TRY(about(program)))) {
            ours.push_back(std::move(program));
        }
    }
    return ours;
}

} // namespace

Status attach_device_filter(BorrowedFd cgroup, const DeviceProgram &program) {
    if (program.everything_allowed) {
        return {};
    }
    Fd loaded = TRY(loaded_program(program));
    if (const int code = attach(cgroup, loaded, -1); code != 0) {
        return failed("attach", code);
    }
    return {};
}

Status replace_device_filter(BorrowedFd cgroup, const DeviceProgram &program) {
    std::vector<Fd> old = TRY(attached_programs(cgroup));
    if (!program.everything_allowed) {
        Fd loaded = TRY(loaded_program(program));
        int code = attach(cgroup, loaded, old.empty() ? -1 : old.back().get());
        if (code == 0 && !old.empty()) {
            old.pop_back();
        } else if (code != 0 && !old.empty()) {
            // ENOENT: somebody else exchanged it meanwhile. EINVAL: a kernel without BPF_F_REPLACE.
            code = attach(cgroup, loaded, -1);
        }
        if (code != 0) {
            return failed("attach", code);
        }
    }
    for (const Fd &program_before : old) {
        TRY(detach(cgroup, program_before));
    }
    return {};
}

} // namespace ballast::isolate
