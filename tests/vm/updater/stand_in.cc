// SPDX-License-Identifier: Apache-2.0
// Stands for a program of the initramfs: as its first process it ends, and the kernel panics; as any other it never
// comes back.
#include <unistd.h>

int main() {
    while (getpid() != 1) {
        pause();
    }
    return 1;
}
