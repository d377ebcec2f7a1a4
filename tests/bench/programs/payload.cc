// SPDX-License-Identifier: Apache-2.0
// What the measured containers run: `payload` is true(1), `payload sleep` waits for a signal, `payload calls N` makes N
// system calls, for the cost of counting them.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count == 2 && std::strcmp(arguments[1], "sleep") == 0) {
        std::signal(SIGTERM, [](int) { _exit(0); }); // process 1 of a namespace ignores what it does not handle
        for (;;) {
            pause();
        }
    }
    if (count == 3 && std::strcmp(arguments[1], "calls") == 0) {
        for (long left = std::atol(arguments[2]); left > 0; --left) {
            syscall(SYS_getppid);
        }
    }
    return 0;
}
