// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/spec_names.h"

#include <cstdint>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "runtime/oci/spec.h"

namespace ballast::oci {
namespace {

constexpr std::uint64_t number(NamespaceType type) { return static_cast<std::uint64_t>(type); }

constexpr NamedNumber kHooks[] = {{"prestart"},       {"createRuntime"}, {"createContainer"},
                                  {"startContainer"}, {"poststart"},     {"poststop"}};

constexpr NamedNumber kNamespaces[] = {
    {"cgroup", number(NamespaceType::kCgroup)}, {"ipc", number(NamespaceType::kIpc)},
    {"mount", number(NamespaceType::kMount)},   {"network", number(NamespaceType::kNetwork)},
    {"pid", number(NamespaceType::kPid)},       {"time", number(NamespaceType::kTime)},
    {"user", number(NamespaceType::kUser)},     {"uts", number(NamespaceType::kUts)}};

constexpr NamedNumber kRlimits[] = {{"RLIMIT_AS", RLIMIT_AS},           {"RLIMIT_CORE", RLIMIT_CORE},
                                    {"RLIMIT_CPU", RLIMIT_CPU},         {"RLIMIT_DATA", RLIMIT_DATA},
                                    {"RLIMIT_FSIZE", RLIMIT_FSIZE},     {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                    {"RLIMIT_NICE", RLIMIT_NICE},       {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                    {"RLIMIT_NPROC", RLIMIT_NPROC},     {"RLIMIT_RSS", RLIMIT_RSS},
                                    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                    {"RLIMIT_STACK", RLIMIT_STACK},     {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING}};

// Linux reserves 4 for SCHED_ISO, which it does not implement: it says so itself when it is asked for.
constexpr std::uint64_t kSchedIso = 4;
constexpr NamedNumber kSchedulerPolicies[] = {
    {"SCHED_OTHER", SCHED_NORMAL},     {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH},      {"SCHED_ISO", kSchedIso},   {"SCHED_IDLE", SCHED_IDLE},
    {"SCHED_DEADLINE", SCHED_DEADLINE}};

constexpr NamedNumber kSchedulerFlags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},  {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},        {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},      {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX}};

constexpr NamedNumber kIoClasses[] = {{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
                                      {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
                                      {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE}};

constexpr NamedNumber kPropagations[] = {{"private"}, {"rprivate"}, {"shared"},     {"rshared"},
                                         {"slave"},   {"rslave"},   {"unbindable"}, {"runbindable"}};

constexpr NamedNumber kPersonalityDomains[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};

// Linux 6.9; the build root's header is of the image's kernel, which has it.
constexpr NamedNumber kMemoryPolicyModes[] = {{"MPOL_DEFAULT", MPOL_DEFAULT},
                                              {"MPOL_BIND", MPOL_BIND},
                                              {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
                                              {"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE},
                                              {"MPOL_PREFERRED", MPOL_PREFERRED},
                                              {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
                                              {"MPOL_LOCAL", MPOL_LOCAL}};

constexpr NamedNumber kMemoryPolicyFlags[] = {{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
                                              {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                                              {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES}};

// The kernel cuts a filter's errno down to MAX_ERRNO silently; a tracer gets all 16 bits.
constexpr std::uint64_t kHighestErrno = 4095;
constexpr NamedNumber kSeccompActions[] = {{"SCMP_ACT_ALLOW"},       {"SCMP_ACT_ERRNO", kHighestErrno},
                                           {"SCMP_ACT_KILL"},        {"SCMP_ACT_KILL_PROCESS"},
                                           {"SCMP_ACT_KILL_THREAD"}, {"SCMP_ACT_LOG"},
                                           {"SCMP_ACT_NOTIFY"},      {"SCMP_ACT_TRACE", SECCOMP_RET_DATA},
                                           {"SCMP_ACT_TRAP"}};

constexpr NamedNumber kSeccompOperators[] = {{"SCMP_CMP_EQ"}, {"SCMP_CMP_GE"}, {"SCMP_CMP_GT"},       {"SCMP_CMP_LE"},
                                             {"SCMP_CMP_LT"}, {"SCMP_CMP_NE"}, {"SCMP_CMP_MASKED_EQ"}};

constexpr NamedNumber kSeccompArchitectures[] = {
    {"SCMP_ARCH_AARCH64"},  {"SCMP_ARCH_ARM"},         {"SCMP_ARCH_LOONGARCH64"}, {"SCMP_ARCH_M68K"},
    {"SCMP_ARCH_MIPS"},     {"SCMP_ARCH_MIPS64"},      {"SCMP_ARCH_MIPS64N32"},   {"SCMP_ARCH_MIPSEL"},
    {"SCMP_ARCH_MIPSEL64"}, {"SCMP_ARCH_MIPSEL64N32"}, {"SCMP_ARCH_PARISC"},      {"SCMP_ARCH_PARISC64"},
    {"SCMP_ARCH_PPC"},      {"SCMP_ARCH_PPC64"},       {"SCMP_ARCH_PPC64LE"},     {"SCMP_ARCH_RISCV64"},
    {"SCMP_ARCH_S390"},     {"SCMP_ARCH_S390X"},       {"SCMP_ARCH_SH"},          {"SCMP_ARCH_SHEB"},
    {"SCMP_ARCH_X32"},      {"SCMP_ARCH_X86"},         {"SCMP_ARCH_X86_64"}};

constexpr NamedNumber kSeccompFlags[] = {
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV}};

} // namespace

NameTable hook_names() { return kHooks; }
NameTable namespace_names() { return kNamespaces; }
NameTable rlimit_names() { return kRlimits; }
NameTable scheduler_policies() { return kSchedulerPolicies; }
NameTable scheduler_flags() { return kSchedulerFlags; }
NameTable io_classes() { return kIoClasses; }
NameTable propagation_names() { return kPropagations; }
NameTable personality_domains() { return kPersonalityDomains; }
NameTable memory_policy_modes() { return kMemoryPolicyModes; }
NameTable memory_policy_flags() { return kMemoryPolicyFlags; }
NameTable seccomp_actions() { return kSeccompActions; }
NameTable seccomp_operators() { return kSeccompOperators; }
NameTable seccomp_architectures() { return kSeccompArchitectures; }
NameTable seccomp_flags() { return kSeccompFlags; }

} // namespace ballast::oci
