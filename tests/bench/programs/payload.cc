// SPDX-License-Identifier: Apache-2.0
// What the measured containers run: `payload` is true(1), `payload sleep` waits for a signal.
#include <csignal>
#include <cstring>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count == 2 && std::strcmp(arguments[1], "sleep") == 0) {
        std::signal(SIGTERM, [](int) { _exit(0); }); // process 1 of a namespace ignores what it does not handle
        for (;;) {
            pause();
        }
    }
    return 0;
}
