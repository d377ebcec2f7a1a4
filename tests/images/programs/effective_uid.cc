// SPDX-License-Identifier: Apache-2.0
// effective-uid: says as whom it runs. Set-user-ID in its image, it tells whether that is honoured.
#include <cstdio>
#include <unistd.h>

int main() {
    std::printf("Effective uid: %u\n", geteuid());
    return 0;
}
