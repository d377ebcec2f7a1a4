// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>
#include <vector>

// The part of classic BPF that seccomp(2) takes, in a few lines: what would the kernel answer to a system call?
namespace ballast::isolate {

struct Call {
    int number = 0;
    std::array<std::uint64_t, 6> args{};
    std::uint32_t arch = AUDIT_ARCH_X86_64;
};

// SECCOMP_RET_*; nullopt for a program that the kernel would not take.
inline std::optional<std::uint32_t> answer(const std::vector<sock_filter> &filter, const Call &call) {
    seccomp_data data{};
    data.nr = call.number;
    data.arch = call.arch;
    std::memcpy(data.args, call.args.data(), sizeof data.args);
    std::uint32_t accumulator = 0;
    for (std::size_t pc = 0; pc < filter.size();) {
        const sock_filter &step = filter[pc++];
        const auto jump = [&](bool taken) { pc += taken ? step.jt : step.jf; };
        switch (step.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (step.k + sizeof accumulator > sizeof data) {
                return std::nullopt;
            }
            std::memcpy(&accumulator, reinterpret_cast<const char *>(&data) + step.k, sizeof accumulator);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            accumulator &= step.k;
            break;
        case BPF_JMP | BPF_JA:
            pc += step.k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            jump(accumulator == step.k);
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            jump(accumulator > step.k);
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            jump(accumulator >= step.k);
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            jump((accumulator & step.k) != 0);
            break;
        case BPF_RET | BPF_K:
            return step.k;
        default:
            return std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace ballast::isolate
