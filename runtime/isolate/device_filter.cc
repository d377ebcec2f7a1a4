// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/device_filter.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "runtime/bpf/program.h"

namespace ballast::isolate {
namespace {

constexpr bpf::ProgramKind kKind{
    .type = BPF_PROG_TYPE_CGROUP_DEVICE, .hook = BPF_CGROUP_DEVICE, .name = "ballast_device"};
static_assert(kKind.name.size() < BPF_OBJ_NAME_LEN);
// The program of most containers stays loaded here, under a name of its instructions: checking and translating it takes
// the kernel longer (350 us) than all else that a cgroup needs.
constexpr const char *kPinned = "/sys/fs/bpf/ballast";
constexpr mode_t kPinnedMode = 0700;

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
    bpf::Outcome<Fd> loaded = bpf::load(kKind, program.instructions);
    if (!loaded) {
        return failed("load", loaded.error());
    }
    return std::move(*loaded);
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
    attributes.pathname = bpf::address(path.c_str());
    Fd program(bpf::call(BPF_OBJ_GET, attributes));
    if (program.is_open()) {
        const bpf::Outcome<bpf_prog_info> info = bpf::about(program);
        if (!info.has_value() || !bpf::is_kind(*info, kKind) || info->created_by_uid != 0) {
            program.close();
        }
    }
    return program;
}

void pin(const Fd &program, const std::string &path) {
    // All of this may fail: without a file system for pins every container loads its own, which is slower and as safe.
    (void)::mkdir(kPinned, kPinnedMode);
    bpf_attr attributes{};
    attributes.pathname = bpf::address(path.c_str());
    attributes.bpf_fd = static_cast<__u32>(program.get());
    (void)bpf::call(BPF_OBJ_PIN, attributes);
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

} // namespace

Status attach_device_filter(BorrowedFd cgroup, const DeviceProgram &program) {
    if (program.everything_allowed) {
        return {};
    }
    Fd loaded = TRY(loaded_program(program));
    if (const int code = bpf::attach(cgroup, kKind, loaded, -1); code != 0) {
        return failed("attach", code);
    }
    return {};
}

Status replace_device_filter(BorrowedFd cgroup, const DeviceProgram &program) {
    bpf::Outcome<std::vector<Fd>> found = bpf::attached(cgroup, kKind);
    if (!found) {
        return failed("look for attached programs", found.error());
    }
    std::vector<Fd> &old = *found;
    if (!program.everything_allowed) {
        Fd loaded = TRY(loaded_program(program));
        int code = bpf::attach(cgroup, kKind, loaded, old.empty() ? -1 : old.back().get());
        if (code == 0 && !old.empty()) {
            old.pop_back();
        } else if (code != 0 && !old.empty()) {
            // ENOENT: somebody else exchanged it meanwhile. EINVAL: a kernel without BPF_F_REPLACE.
            code = bpf::attach(cgroup, kKind, loaded, -1);
        }
        if (code != 0) {
            return failed("attach", code);
        }
    }
    for (const Fd &program_before : old) {
        if (const int code = bpf::detach(cgroup, kKind, program_before); code != 0) {
            return failed("detach", code);
        }
    }
    return {};
}

} // namespace ballast::isolate
