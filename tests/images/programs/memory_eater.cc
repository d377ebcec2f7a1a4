// SPDX-License-Identifier: Apache-2.0
// memory-eater MIB: allocates and touches that many mebibytes, says so on stdout, and sleeps until it is stopped.
// For tests of memory limits: over the limit the kernel kills it before it speaks.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

int main(int count, char **arguments) {
    char *end = nullptr;
    errno = 0;
    const unsigned long long mebibytes = count == 2 ? std::strtoull(arguments[1], &end, 10) : 0;
    constexpr unsigned long long kMost = 1ULL << 20; // a tebibyte
    if (count != 2 || errno != 0 || *end != '\0' || mebibytes == 0 || mebibytes > kMost) {
        std::fprintf(stderr, "usage: memory-eater MIB (1 to %llu)\n", kMost);
        return 2;
    }
    const size_t length = mebibytes << 20;
    void *memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::fprintf(stderr, "memory-eater: map %llu MiB: %s\n", mebibytes, std::strerror(errno));
        return 1;
    }
    // Not zero: same-page merging and zero pages must not make it cheaper.
    auto *bytes = static_cast<volatile unsigned char *>(memory);
    const long page = sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < length; at += static_cast<size_t>(page)) {
        bytes[at] = static_cast<unsigned char>(1 + at / static_cast<size_t>(page) % 255);
    }
    std::printf("holding %llu MiB\n", mebibytes);
    std::fflush(stdout);
    for (;;) {
        pause();
    }
}
