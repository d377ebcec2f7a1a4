// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/bpf.h>
#include <utility>
#include <vector>

// Programs for the kernel, one instruction after the other (RFC 9669, linux/bpf.h). What each register holds is the
// caller's business: BPF_REG_1 is the context on entry, BPF_REG_10 the end of the stack.
namespace ballast::bpf {

inline bpf_insn instruction(unsigned code, int destination, int source, int offset, std::uint32_t value) {
    bpf_insn made{};
    made.code = static_cast<__u8>(code);
    made.dst_reg = static_cast<__u8>(destination & 0xf);
    made.src_reg = static_cast<__u8>(source & 0xf);
    made.off = static_cast<__s16>(offset);
    made.imm = static_cast<__s32>(value);
    return made;
}
// 32 bits of memory to a register and back.
inline bpf_insn load(int destination, int pointer, int offset) {
    return instruction(BPF_LDX | BPF_MEM | BPF_W, destination, pointer, offset, 0);
}
inline bpf_insn store(int pointer, int offset, int source) {
    return instruction(BPF_STX | BPF_MEM | BPF_W, pointer, source, offset, 0);
}
inline bpf_insn store_64(int pointer, int offset, int source) {
    return instruction(BPF_STX | BPF_MEM | BPF_DW, pointer, source, offset, 0);
}
inline bpf_insn store_value(int pointer, int offset, std::uint32_t value) {
    return instruction(BPF_ST | BPF_MEM | BPF_W, pointer, 0, offset, value);
}
inline bpf_insn compute(unsigned operation, int destination, std::uint32_t value) { // in 32 bits
    return instruction(BPF_ALU | operation | BPF_K, destination, 0, 0, value);
}
inline bpf_insn add(int destination, int value) { // in 64 bits, for pointers
    return instruction(BPF_ALU64 | BPF_ADD | BPF_K, destination, 0, 0, static_cast<std::uint32_t>(value));
}
inline bpf_insn copy(int destination, int source) { // in 32 bits
    return instruction(BPF_ALU | BPF_MOV | BPF_X, destination, source, 0, 0);
}
inline bpf_insn copy_64(int destination, int source) {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_X, destination, source, 0, 0);
}
inline bpf_insn set(int destination, std::uint32_t value) {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_K, destination, 0, 0, value);
}
// In 32 bits: a 64-bit comparison would extend the sign of numbers from 2^31 on. `over`: instructions that are skipped.
inline bpf_insn jump(unsigned condition, int destination, std::uint32_t value, std::size_t over) {
    return instruction(BPF_JMP32 | condition | BPF_K, destination, 0, static_cast<int>(over), value);
}
inline bpf_insn call(unsigned function) { return instruction(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
inline bpf_insn leave() { return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

// A program with places to jump to, which may be behind or ahead.
class Assembler {
  public:
    using Label = std::size_t;
    Label label() {
        places_.push_back(0);
        return places_.size() - 1;
    }
    void place(Label label) { places_[label] = code_.size(); }

    void add(const bpf_insn &made) { code_.push_back(made); }
    void jump_to(Label label) { jump(instruction(BPF_JMP | BPF_JA, 0, 0, 0, 0), label); }
    void jump_if(unsigned condition, int destination, std::uint32_t value, Label label) {
        jump(bpf::jump(condition, destination, value, 0), label);
    }
    void jump_if_64(unsigned condition, int destination, std::uint32_t value, Label label) { // pointers
        jump(instruction(BPF_JMP | condition | BPF_K, destination, 0, 0, value), label);
    }
    void jump_if_same_64(unsigned condition, int destination, int source, Label label) {
        jump(instruction(BPF_JMP | condition | BPF_X, destination, source, 0, 0), label);
    }
    void set_64(int destination, std::uint64_t value) { load_wide(destination, 0, value); }
    void set_map(int destination, int map) {
        load_wide(destination, BPF_PSEUDO_MAP_FD, static_cast<std::uint32_t>(map));
    }

    // Every label that was jumped to has been placed.
    std::vector<bpf_insn> finish() {
        for (const auto &[at, label] : jumps_) {
            code_[at].off = static_cast<__s16>(static_cast<int>(places_[label]) - static_cast<int>(at) - 1);
        }
        return std::move(code_);
    }

  private:
    void jump(const bpf_insn &made, Label label) {
        jumps_.emplace_back(code_.size(), label);
        code_.push_back(made);
    }
    void load_wide(int destination, int source, std::uint64_t value) {
        constexpr unsigned kHalf = 32;
        code_.push_back(
            instruction(BPF_LD | BPF_DW | BPF_IMM, destination, source, 0, static_cast<std::uint32_t>(value)));
        code_.push_back(instruction(0, 0, 0, 0, static_cast<std::uint32_t>(value >> kHalf)));
    }

    std::vector<bpf_insn> code_;
    std::vector<std::size_t> places_;
    std::vector<std::pair<std::size_t, Label>> jumps_;
};

} // namespace ballast::bpf
