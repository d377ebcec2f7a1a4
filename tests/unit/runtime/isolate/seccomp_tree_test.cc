// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_tree.h"

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <memory>
#include <random>
#include <seccomp.h>

#include "tests/unit/runtime/isolate/classic_bpf.h"

namespace ballast::isolate {
namespace {

using Filter = std::vector<sock_filter>;
using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

Filter exported(const Context &context) {
    std::size_t size = 0;
    REQUIRE(seccomp_export_bpf_mem(context.get(), nullptr, &size) == 0);
    Filter filter(size / sizeof(sock_filter));
    REQUIRE(seccomp_export_bpf_mem(context.get(), filter.data(), &size) == 0);
    return filter;
}

void compare(const Filter &chains, const Filter &tree) {
    constexpr int kX32 = 0x40000000;
    std::mt19937_64 random(1); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same calls every time
    for (const std::uint32_t arch :
         std::initializer_list<std::uint32_t>{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, ~0U}) {
        for (const int base : {0, kX32, -600, 0x7ffff000}) {
            for (int number = base; number < base + 600; ++number) {
                for (int i = 0; i < 12; ++i) {
                    Call call{.number = number, .arch = arch};
                    for (std::uint64_t &arg : call.args) {
                        // Small ones, those with one bit, those beyond 32 bits: what rules compare with.
                        arg = i < 4 ? random() % 8 : i < 8 ? 1ULL << (random() % 64) : random();
                    }
                    const auto wanted = answer(chains, call);
                    if (answer(tree, call) != wanted) {
                        FAIL("arch " << arch << " number " << number << " first argument " << call.args[0]);
                    }
                    REQUIRE(wanted.has_value());
                }
            }
        }
    }
}

// As engines' profiles are: most calls allowed, gaps in between, a few that depend on arguments.
Context usual_profile(unsigned seed, std::uint32_t optimize) {
    Context context(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
    REQUIRE(seccomp_arch_add(context.get(), SCMP_ARCH_X86) == 0);
    REQUIRE(seccomp_arch_add(context.get(), SCMP_ARCH_X32) == 0);
    REQUIRE(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, optimize) == 0);
    std::mt19937 random(seed);
    for (int number = 0; number < 460; ++number) {
        const std::unique_ptr<char, decltype(&std::free)> name(
            seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number), &std::free);
        if (!name) {
            continue;
        }
        const int pseudo = seccomp_syscall_resolve_name(name.get());
        switch (random() % 12) {
        case 0:
            break; // the default
        case 1:
            REQUIRE(seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(ENOSYS), pseudo, 0) == 0);
            break;
        case 2:
            REQUIRE(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, pseudo, 1,
                                     SCMP_A0_64(SCMP_CMP_MASKED_EQ, 0x7e020000, 0)) == 0);
            break;
        case 3:
            REQUIRE(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, pseudo, 1, SCMP_A0_64(SCMP_CMP_EQ, 4)) == 0);
            REQUIRE(seccomp_rule_add(context.get(), SCMP_ACT_LOG, pseudo, 2, SCMP_A0_64(SCMP_CMP_EQ, 2),
                                     SCMP_A1_64(SCMP_CMP_GT, 0x100000000)) == 0);
            break;
        default:
            REQUIRE(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, pseudo, 0) == 0);
        }
    }
    return context;
}

TEST_CASE("a search tree answers as the chains that it was made of", "[seccomp]") {
    for (unsigned seed = 1; seed <= 8; ++seed) {
        for (const std::uint32_t optimize : {1U, 2U}) { // libseccomp's chains, and its own tree
            INFO("seed " << seed << ", libseccomp's layout " << optimize);
            const Filter chains = exported(usual_profile(seed, optimize));
            const Filter tree = as_search_tree(chains);
            CHECK(tree.size() < chains.size());
            compare(chains, tree);
        }
    }
}

TEST_CASE("a list of allowed calls needs a fraction of the instructions", "[seccomp]") {
    const Context context(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
    for (int number = 0; number < 330; ++number) {
        if (number % 50 != 0) {
            REQUIRE(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 0) == 0);
        }
    }
    const Filter chains = exported(context);
    const Filter tree = as_search_tree(chains);
    CHECK(chains.size() > 300);
    CHECK(tree.size() < 40);
    compare(chains, tree);
}

TEST_CASE("a filter that is not understood comes back unchanged", "[seccomp]") {
    const auto step = [](unsigned code, std::uint32_t k, unsigned jt = 0, unsigned jf = 0) {
        return sock_filter{static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(jt),
                           static_cast<std::uint8_t>(jf), k};
    };
    const sock_filter allow = step(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const sock_filter load_number = step(BPF_LD | BPF_W | BPF_ABS, 0);
    const std::vector<Filter> filters = {
        {},
        {load_number}, // runs off its end
        {load_number, step(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1), allow, allow},
        {load_number, step(BPF_ALU | BPF_AND | BPF_K, 1), allow},
        {load_number, step(BPF_JMP | BPF_JA, 7), allow},
        {step(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), allow, allow}, // compares what nothing was loaded into
        {load_number, step(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1), allow, allow},
        {step(BPF_LD | BPF_W | BPF_ABS, 16), step(BPF_MISC | BPF_TAX, 0), allow},
    };
    for (const Filter &filter : filters) {
        const Filter same = as_search_tree(filter);
        REQUIRE(same.size() == filter.size());
        for (std::size_t i = 0; i < same.size(); ++i) {
            CHECK((same[i].code == filter[i].code && same[i].k == filter[i].k && same[i].jt == filter[i].jt &&
                   same[i].jf == filter[i].jf));
        }
    }
}

} // namespace
} // namespace ballast::isolate
