// SPDX-License-Identifier: Apache-2.0
// What tests of the engine run as a container's program: static, alone in its image. Does what its first word says.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

int copy(int from) {
    char buffer[4096];
    ssize_t count = 0;
    while ((count = read(from, buffer, sizeof buffer)) > 0) {
        if (write(STDOUT_FILENO, buffer, static_cast<size_t>(count)) != count) {
            return 1;
        }
    }
    return count == 0 ? 0 : 1;
}

int write_text(const char *path, const char *text) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const bool written = fd >= 0 && write(fd, text, strlen(text)) == static_cast<ssize_t>(strlen(text));
    return written && close(fd) == 0 ? 0 : 1;
}

int wait_for_signal() {
    signal(SIGTERM, [](int) { _exit(15); });
    for (;;) {
        pause();
    }
}

// Numbered lines, a hundred a second; the numbers go on whatever becomes of a line.
int count_lines(int lines) {
    for (int number = 1; lines == 0 || number <= lines; number++) {
        printf("%d\n", number);
        fflush(stdout);
        usleep(10'000);
    }
    return 0;
}

// Rows and columns of its terminal, and again whenever they change, until there are so many rows.
int print_size(int last) {
    sigset_t changes;
    sigemptyset(&changes);
    sigaddset(&changes, SIGWINCH);
    sigprocmask(SIG_BLOCK, &changes, nullptr);
    for (int signal = 0;;) {
        winsize size{};
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) {
            return 1;
        }
        printf("%d %d\n", size.ws_row, size.ws_col);
        fflush(stdout);
        if (size.ws_row == last || sigwait(&changes, &signal) != 0) {
            return 0;
        }
    }
}

// Numbered lines, all at once.
int say_lines(int lines) {
    for (int number = 1; number <= lines; number++) {
        printf("%d\n", number);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

// Changes /swap between a directory and a link to where no copy may go, as fast as it can.
int swap() {
    mkdir("/real", 0755);
    for (;;) {
        unlink("/swap");
        rmdir("/swap");
        mkdir("/swap", 0755);
        rmdir("/swap");
        if (symlink("/../../../../../../../../tmp/ballast-outside", "/swap") != 0) {
            usleep(100);
        }
    }
}

} // namespace

int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : "true";
    const char *first = count > 2 ? words[2] : "";
    const char *second = count > 3 ? words[3] : "";
    if (strcmp(verb, "exit") == 0) {
        return atoi(first);
    }
    if (strcmp(verb, "echo") == 0) {
        fprintf(stderr, "%s\n", second);
        return puts(first) < 0 ? 1 : 0;
    }
    if (strcmp(verb, "cat") == 0) {
        const int fd = *first != '\0' ? open(first, O_RDONLY) : STDIN_FILENO;
        return fd < 0 ? 2 : copy(fd);
    }
    if (strcmp(verb, "write") == 0) {
        return write_text(first, second);
    }
    if (strcmp(verb, "id") == 0) {
        printf("%u %u\n", getuid(), getgid());
        return 0;
    }
    if (strcmp(verb, "wait") == 0) {
        return wait_for_signal();
    }
    if (strcmp(verb, "count") == 0) {
        return count_lines(atoi(first));
    }
    if (strcmp(verb, "size") == 0) {
        return print_size(atoi(first));
    }
    if (strcmp(verb, "say") == 0) {
        const int failed = say_lines(atoi(first));
        return *second != '\0' || failed != 0 ? failed + atoi(second) : wait_for_signal();
    }
    if (strcmp(verb, "swap") == 0) {
        return swap();
    }
    return 0;
}
