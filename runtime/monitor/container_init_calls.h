// SPDX-License-Identifier: Apache-2.0
#pragma once

// System calls without a C library: -errno on failure.
namespace ballast::container_init {

inline long call(long number, long first = 0, long second = 0, long third = 0, long fourth = 0, long fifth = 0) {
#if defined(__x86_64__)
    long result = number;
    register long r10 __asm__("r10") = fourth;
    register long r8 __asm__("r8") = fifth;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    register long x3 __asm__("x3") = fourth;
    register long x4 __asm__("x4") = fifth;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#else
#error "how are system calls made here?"
#endif
}

} // namespace ballast::container_init

// The kernel starts a program with its words on the stack, and no return address.
#if defined(__x86_64__)
__asm__(
    ".text\n.global _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call ballast_start\n hlt\n");
#elif defined(__aarch64__)
__asm__(".text\n.global _start\n_start:\n mov x29, #0\n mov x0, sp\n bl ballast_start\n brk #0\n");
#endif
