// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <linux/bpf.h>
#include <stdexcept>
#include <string>
#include <vector>

// Runs the few instructions of BPF that device programs consist of, strictly: anything else, a jump out of the program,
// a register that was never set or a program without an end throws.
namespace ballast::isolate {

class BpfEvaluator {
  public:
    explicit BpfEvaluator(const std::vector<bpf_insn> &program) : program_(program) {}

    std::uint64_t run(const bpf_cgroup_dev_ctx &context) {
        registers_ = {};
        known_ = {};
        std::size_t place = 0;
        for (std::size_t steps = 0; steps <= program_.size(); steps++) { // there are no loops
            if (place >= program_.size()) {
                throw std::runtime_error("ran off the end");
            }
            const bpf_insn &now = program_[place];
            place++;
            switch (BPF_CLASS(now.code)) {
            case BPF_LDX:
                load(now, context);
                break;
            case BPF_ALU:
            case BPF_ALU64:
                compute(now);
                break;
            case BPF_JMP32:
                if (now.off < 0) {
                    throw std::runtime_error("jumps back");
                }
                place += is_taken(now) ? static_cast<std::size_t>(now.off) : 0;
                break;
            case BPF_JMP:
                if (BPF_OP(now.code) != BPF_EXIT) {
                    throw std::runtime_error("unknown jump");
                }
                return value(BPF_REG_0);
            default:
                throw std::runtime_error("unknown class of instruction " + std::to_string(now.code));
            }
        }
        throw std::runtime_error("does not end");
    }

  private:
    void load(const bpf_insn &now, const bpf_cgroup_dev_ctx &context) {
        if (BPF_MODE(now.code) != BPF_MEM || BPF_SIZE(now.code) != BPF_W || now.src_reg != BPF_REG_1 || now.off < 0 ||
            static_cast<std::size_t>(now.off) + sizeof(std::uint32_t) > sizeof context) {
            throw std::runtime_error("bad load");
        }
        std::uint32_t word = 0;
        std::memcpy(&word, reinterpret_cast<const char *>(&context) + now.off, sizeof word);
        set(now.dst_reg, word);
    }

    void compute(const bpf_insn &now) {
        const auto operand = BPF_SRC(now.code) == BPF_X
                                 ? value(now.src_reg)
                                 : static_cast<std::uint64_t>(static_cast<std::int64_t>(now.imm));
        std::uint64_t result = 0;
        switch (BPF_OP(now.code)) {
        case BPF_MOV:
            result = operand;
            break;
        case BPF_AND:
            result = value(now.dst_reg) & operand;
            break;
        case BPF_RSH:
            result = static_cast<std::uint32_t>(value(now.dst_reg)) >> operand;
            break;
        default:
            throw std::runtime_error("unknown operation");
        }
        set(now.dst_reg, BPF_CLASS(now.code) == BPF_ALU ? static_cast<std::uint32_t>(result) : result);
    }

    bool is_taken(const bpf_insn &now) {
        const auto left = static_cast<std::uint32_t>(value(now.dst_reg));
        const auto right = static_cast<std::uint32_t>(now.imm);
        switch (BPF_OP(now.code)) {
        case BPF_JEQ:
            return left == right;
        case BPF_JNE:
            return left != right;
        default:
            throw std::runtime_error("unknown condition");
        }
    }

    void set(unsigned number, std::uint64_t value) {
        registers_.at(number) = value;
        known_.at(number) = true;
    }
    std::uint64_t value(unsigned number) const {
        if (!known_.at(number)) {
            throw std::runtime_error("register " + std::to_string(number) + " was never set");
        }
        return registers_.at(number);
    }

    const std::vector<bpf_insn> &program_;
    std::array<std::uint64_t, 11> registers_{};
    std::array<bool, 11> known_{};
};

} // namespace ballast::isolate
