// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_compile.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <seccomp.h>
#include <string>

#include "base/quote.h"
#include "runtime/isolate/seccomp_tree.h"

namespace ballast::isolate {
namespace {

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

constexpr unsigned kArguments = 6;
constexpr unsigned kMostErrno = 0xffff; // SECCOMP_RET_DATA

// Where a message says that it is.
std::string rule_place(std::size_t rule, const std::string &property) {
    return "linux.seccomp.syscalls[" + std::to_string(rule) + "]" + property + ": ";
}

struct ActionName {
    std::string_view name;
    std::uint32_t action;
    bool has_value;
};

constexpr std::array kActions = {
    ActionName{"SCMP_ACT_KILL", SCMP_ACT_KILL, false},
    ActionName{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
    ActionName{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
    ActionName{"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
    ActionName{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
    ActionName{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
    ActionName{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
    ActionName{"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
    ActionName{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false},
};

Result<std::uint32_t> action_of(const std::string &name, std::optional<unsigned> value) {
    const auto *found = std::ranges::find(kActions, name, &ActionName::name);
    if (found == kActions.end()) {
        return fail(EINVAL, "no such action: " + quote(name));
    }
    if (value && !found->has_value) {
        return fail(EINVAL, name + " has no errno");
    }
    if (value && *value > kMostErrno) {
        return fail(EINVAL, std::to_string(*value) + " is no errno");
    }
    return found->has_value ? found->action | value.value_or(EPERM) : found->action;
}

struct OperatorName {
    std::string_view name;
    scmp_compare op;
};

constexpr std::array kOperators = {
    OperatorName{"SCMP_CMP_NE", SCMP_CMP_NE},
    OperatorName{"SCMP_CMP_LT", SCMP_CMP_LT},
    OperatorName{"SCMP_CMP_LE", SCMP_CMP_LE},
    OperatorName{"SCMP_CMP_EQ", SCMP_CMP_EQ},
    OperatorName{"SCMP_CMP_GE", SCMP_CMP_GE},
    OperatorName{"SCMP_CMP_GT", SCMP_CMP_GT},
    OperatorName{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

Result<scmp_arg_cmp> comparison_of(const oci::SeccompArgument &argument) {
    const auto *found = std::ranges::find(kOperators, argument.op, &OperatorName::name);
    if (found == kOperators.end()) {
        return fail(EINVAL, "no such operator: " + quote(argument.op));
    }
    if (argument.index >= kArguments) {
        return fail(EINVAL, "a system call has no argument " + std::to_string(argument.index));
    }
    return scmp_arg_cmp{
        .arg = argument.index, .op = found->op, .datum_a = argument.value, .datum_b = argument.value_two};
}

// All have to match; but comparisons of one argument more than once are rules of their own, any of which may match:
// so it was before libseccomp could do the former, and profiles rely on it.
struct Comparisons {
    std::vector<scmp_arg_cmp> list;
    bool alternatives = false;
};

Result<Comparisons> comparisons_of(const std::vector<oci::SeccompArgument> &arguments, std::size_t rule) {
    Comparisons comparisons;
    unsigned seen = 0;
    for (std::size_t i = 0; i < arguments.size(); i++) {
        Result<scmp_arg_cmp> comparison = comparison_of(arguments[i]);
        if (!comparison) {
            return fail(EINVAL, rule_place(rule, ".args[" + std::to_string(i) + "]") + comparison.error().message);
        }
        comparisons.alternatives |= (seen & (1U << comparison->arg)) != 0;
        seen |= 1U << comparison->arg;
        comparisons.list.push_back(*comparison);
    }
    return comparisons;
}

int add(scmp_filter_ctx context, std::uint32_t action, int number, const Comparisons &comparisons) {
    if (!comparisons.alternatives) {
        return seccomp_rule_add_array(context, action, number, static_cast<unsigned>(comparisons.list.size()),
                                      comparisons.list.data());
    }
    for (const scmp_arg_cmp &comparison : comparisons.list) {
        if (const int status = seccomp_rule_add_array(context, action, number, 1, &comparison); status < 0) {
            return status;
        }
    }
    return 0;
}

Status add_rule(scmp_filter_ctx context, const oci::SeccompRule &rule, std::size_t place,
                std::uint32_t default_action) {
    if (rule.names.empty()) {
        return fail(EINVAL, rule_place(place, ".names") + "want at least one");
    }
    const Result<std::uint32_t> action = action_of(rule.action, rule.errno_ret);
    if (!action) {
        return fail(EINVAL, rule_place(place, ".action") + action.error().message);
    }
    const Comparisons comparisons = TRY(comparisons_of(rule.args, place));
    if (*action == default_action) {
        return {}; // libseccomp refuses rules that change nothing
    }
    for (const std::string &name : rule.names) {
        const int number = seccomp_syscall_resolve_name(name.c_str());
        if (number == __NR_SCMP_ERROR) {
            continue; // newer than this libseccomp
        }
        if (const int status = add(context, *action, number, comparisons); status < 0) {
            return fail_errno(rule_place(place, "") + "add the rule for " + quote(name), -status);
        }
    }
    return {};
}

Status add_architecture(scmp_filter_ctx context, const std::string &name, std::size_t place) {
    constexpr std::string_view kPrefix = "SCMP_ARCH_";
    const std::string where = "linux.seccomp.architectures[" + std::to_string(place) + "]: ";
    std::string lower = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : std::string();
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const std::uint32_t token = seccomp_arch_resolve_name(lower.c_str());
    if (token == 0) {
        return fail(EINVAL, where + "no such architecture: " + quote(name));
    }
    if (const int status = seccomp_arch_add(context, token); status < 0 && status != -EEXIST) {
        return fail_errno(where + name + " beside this machine's", -status);
    }
    return {};
}

Result<std::vector<sock_filter>> exported(scmp_filter_ctx context) {
    std::size_t size = 0;
    if (const int status = seccomp_export_bpf_mem(context, nullptr, &size); status < 0) {
        return fail_errno("linux.seccomp: compile the filter", -status);
    }
    std::vector<sock_filter> chains(size / sizeof(sock_filter));
    if (const int status = seccomp_export_bpf_mem(context, chains.data(), &size); status < 0) {
        return fail_errno("linux.seccomp: compile the filter", -status);
    }
    std::vector<sock_filter> filter = as_search_tree(chains);
    if (filter.empty() || filter.size() > BPF_MAXINSNS) {
        return fail(E2BIG, "linux.seccomp: the filter has " + std::to_string(filter.size()) +
                               " instructions, and the kernel takes " + std::to_string(BPF_MAXINSNS));
    }
    return filter;
}

} // namespace

std::uint32_t libseccomp_version() { return SCMP_VER_MAJOR << 16U | SCMP_VER_MINOR << 8U | SCMP_VER_MICRO; }

Result<std::vector<sock_filter>> compile_seccomp(const oci::Seccomp &profile) {
    const Result<std::uint32_t> default_action = action_of(profile.default_action, profile.default_errno_ret);
    if (!default_action) {
        return fail(EINVAL, "linux.seccomp.defaultAction: " + default_action.error().message);
    }
    const Context context(seccomp_init(*default_action), &seccomp_release);
    if (!context) {
        return fail(ENOTSUP, "linux.seccomp.defaultAction: this kernel has no " + profile.default_action);
    }
    for (std::size_t i = 0; i < profile.architectures.size(); i++) {
        TRY(add_architecture(context.get(), profile.architectures[i], i));
    }
    for (std::size_t i = 0; i < profile.syscalls.size(); i++) {
        TRY(add_rule(context.get(), profile.syscalls[i], i, *default_action));
    }
    return exported(context.get());
}

} // namespace ballast::isolate
