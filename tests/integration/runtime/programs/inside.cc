// SPDX-License-Identifier: Apache-2.0
// What tests run as a container's program: static, alone in its root. Does what its first word says.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/runtime/leave_chroot.h"

namespace {

int print_file(const char *path) {
    const int fd = open(path, O_RDONLY);
    if (fd < 0) {
        printf("%s: %s\n", path, strerror(errno));
        return 1;
    }
    char buffer[4096];
    for (ssize_t count = 0; (count = read(fd, buffer, sizeof buffer)) > 0;) {
        fwrite(buffer, 1, static_cast<size_t>(count), stdout);
    }
    close(fd);
    return 0;
}

int print_descriptors() {
    DIR *directory = opendir("/proc/self/fd");
    while (const dirent *entry = readdir(directory)) {
        const int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(directory)) {
            printf("%d ", fd);
        }
    }
    printf("\n");
    return 0;
}

// Until a signal that is not SIGTERM; SIGTERM ends it with 15.
int wait_for_signal() {
    signal(SIGTERM, [](int) { _exit(15); });
    for (;;) {
        pause();
    }
}

// CVE-2019-5736: the runtime's own program, for writing.
int write_runtime() {
    const int fd = open("/proc/1/exe", O_WRONLY);
    printf("%s\n", fd < 0 ? strerror(errno) : "opened");
    return fd < 0 ? 0 : 1;
}

// sd_notify(3): every word is a message. Then it waits.
int notify(char **words) {
    const char *path = getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (path == nullptr || fd < 0 || strlen(path) >= sizeof address.sun_path) {
        return 1;
    }
    strcpy(address.sun_path, path);
    for (; *words != nullptr; ++words) {
        if (sendto(fd, *words, strlen(*words), 0, reinterpret_cast<const sockaddr *>(&address), sizeof address) < 0) {
            perror(path);
            return 1;
        }
    }
    return wait_for_signal();
}

} // namespace

int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : "true";
    const char *argument = count > 2 ? words[2] : "";
    if (strcmp(verb, "exit") == 0) {
        return atoi(argument);
    }
    if (strcmp(verb, "echo") == 0) {
        return puts(argument) < 0 ? 1 : 0;
    }
    if (strcmp(verb, "cat") == 0) {
        return print_file(argument);
    }
    if (strcmp(verb, "env") == 0) {
        const char *value = getenv(argument);
        return puts(value != nullptr ? value : "unset") < 0 ? 1 : 0;
    }
    if (strcmp(verb, "descriptors") == 0) {
        return print_descriptors();
    }
    if (strcmp(verb, "wait") == 0) {
        return wait_for_signal();
    }
    if (strcmp(verb, "notify") == 0) {
        return notify(words + 2);
    }
    if (strcmp(verb, "write-runtime") == 0) {
        return write_runtime();
    }
    if (strcmp(verb, "rooted") == 0) { // outside of containers: makes the root directory that of a mount namespace
        if (!ballast::leave_chroot()) {
            perror("leave the chroot");
            return 65;
        }
        execv(argument, words + 2);
        perror(argument);
        return 66;
    }
    if (strcmp(verb, "tty") == 0) {
        winsize size{};
        const int known = ioctl(0, TIOCGWINSZ, &size);
        printf("%d %d %dx%d\n", isatty(0), known, size.ws_row, size.ws_col);
        return 0;
    }
    return strcmp(verb, "true") == 0 ? 0 : 64;
}
