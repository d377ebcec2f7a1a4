// SPDX-License-Identifier: Apache-2.0
// The program's first instructions: the ELF entry point, in front of the C library's.
//
// What enters a container runs from a read-only mount of its own file (self_exe.h): where it was not started from one,
// it is executed twice, the second time from a clone. The first time nothing but these few system calls is needed, and
// the C library's start is the most expensive part of a process that lives for a millisecond: every CPUID instruction
// that it asks the processor's features with traps to the hypervisor of a virtual machine. Nothing here may use the C
// library: neither thread-local storage nor its relocated functions exist yet. Whatever fails is left to
// protect_program(), which finds out the same with messages.
#include <array>
#include <elf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

namespace {

struct Words { // as the kernel leaves them on the first stack: System V ABI, AMD64, "Initial Stack and Register State"
    char **arguments;
    char **environment;
    const Elf64_auxv_t *facts;
};

Words words_of(long *stack) {
    Words words{};
    words.arguments = reinterpret_cast<char **>(stack + 1);
    words.environment = words.arguments + stack[0] + 1;
    char **end = words.environment;
    while (*end != nullptr) {
        ++end;
    }
    words.facts = reinterpret_cast<const Elf64_auxv_t *>(end + 1);
    return words;
}

bool same(const char *left, const char *right) {
    while (*left != '\0' && *left == *right) {
        ++left;
        ++right;
    }
    return *left == *right;
}

// A verb that enters a container; an option's value of the same name costs a needless clone.
bool enters_container(char **arguments) {
    constexpr std::array kVerbs{"run", "create", "start", "exec", "delete"};
    for (; *arguments != nullptr; ++arguments) {
        for (const char *verb : kVerbs) {
            if (same(*arguments, verb)) {
                return true;
            }
        }
    }
    return false;
}

bool started_by_descriptor(const Elf64_auxv_t *facts) {
    for (; facts->a_type != AT_NULL; ++facts) {
        if (facts->a_type == AT_EXECFN) {
            const auto *name = reinterpret_cast<const char *>(facts->a_un.a_val);
            for (const char *wanted = "/dev/fd/"; *wanted != '\0'; ++wanted, ++name) {
                if (*name != *wanted) {
                    return false;
                }
            }
            return true;
        }
    }
    return false;
}

long call(long number, long first, long second, long third, long fourth = 0, long fifth = 0) {
    long result = 0;
    register long r10 asm("r10") = fourth;
    register long r8 asm("r8") = fifth;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
}

long address(const void *place) { return reinterpret_cast<long>(place); }

bool on_read_only_mount() {
    struct statfs mount{};
    return call(SYS_statfs, address("/proc/self/exe"), address(&mount), 0) == 0 && (mount.f_flags & ST_RDONLY) != 0;
}

} // namespace

extern "C" {

// Starts the program anew from a read-only clone, or returns.
[[gnu::used]] void ballast_protected_start(long *stack) {
    const Words words = words_of(stack);
    if (started_by_descriptor(words.facts) || !enters_container(words.arguments) || on_read_only_mount()) {
        return;
    }
    const long clone = call(SYS_open_tree, AT_FDCWD, address("/proc/self/exe"), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (clone < 0) {
        return;
    }
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (call(SYS_mount_setattr, clone, address(""), AT_EMPTY_PATH, address(&attributes), sizeof attributes) == 0) {
        call(SYS_execveat, clone, address(""), address(words.arguments), address(words.environment), AT_EMPTY_PATH);
    }
    call(SYS_close, clone, 0, 0);
}

// A static program's start-up code hands its whole unwind table to the C++ runtime, which reads and sorts it at every
// start. The linker's sorted index (--eh-frame-hdr) serves who throws, so the hand-over does nothing (--wrap).
void __wrap___register_frame_info(const void * /*table*/, void * /*object*/) {}  // NOLINT(bugprone-reserved-identifier)
void *__wrap___deregister_frame_info(const void * /*table*/) { return nullptr; } // NOLINT(bugprone-reserved-identifier)

} // extern "C"

asm(R"(
    .text
    .globl ballast_entry
    .type ballast_entry, @function
ballast_entry:
    endbr64
    xorl %ebp, %ebp
    movq %rsp, %rbx
    movq %rsp, %rdi
    andq $-16, %rsp
    call ballast_protected_start
    movq %rbx, %rsp
    xorl %edx, %edx # no function of a dynamic loader to call at the end
    jmp _start
    .size ballast_entry, . - ballast_entry
)");
