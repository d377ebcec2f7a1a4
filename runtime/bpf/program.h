// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <linux/bpf.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// Loading programs and putting them in force for cgroups, bpf(2). Programs of others that are attached there stay: the
// kernel asks all of them.
namespace ballast::bpf {

template <typename T>
using Outcome = std::expected<T, int>; // otherwise errno

int call(bpf_cmd command, bpf_attr &attributes); // as bpf(2) returns
template <typename T>
__u64 address(T *pointer) {
    return reinterpret_cast<__u64>(pointer);
}

// errno of a call above as people read it; `lacks`: what a kernel that does not know the call has not got (ENOTSUP).
std::unexpected<Error> failed(const std::string &message, int code, const std::string &lacks);

struct MapKind {
    bpf_map_type type{};
    std::string_view name = {};     // at most 15 letters
    std::size_t key = 0, value = 0; // bytes
    std::uint32_t most = 0;         // entries
    unsigned flags = 0;
};
Outcome<Fd> create_map(const MapKind &kind);

struct ProgramKind {
    bpf_prog_type type{};
    bpf_attach_type hook{};
    std::string_view name = {}; // by which it is found again among others: at most 15 letters
};

// Under the licence Apache-2.0: functions that the kernel keeps for programs under the GPL are refused.
Outcome<Fd> load(const ProgramKind &kind, std::span<const bpf_insn> instructions);
// What the verifier has against a program; for messages and tests.
std::string why_refused(const ProgramKind &kind, std::span<const bpf_insn> instructions);
Outcome<bpf_prog_info> about(BorrowedFd program);
bool is_kind(const bpf_prog_info &info, const ProgramKind &kind);

// `old` takes its place in one step; -1: beside all others. 0 or errno.
int attach(BorrowedFd cgroup, const ProgramKind &kind, BorrowedFd program, int old);
int detach(BorrowedFd cgroup, const ProgramKind &kind, BorrowedFd program); // one that is not there is fine
// Those of this kind that are attached to the very cgroup.
Outcome<std::vector<Fd>> attached(BorrowedFd cgroup, const ProgramKind &kind);

} // namespace ballast::bpf
