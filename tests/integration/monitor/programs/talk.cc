// SPDX-License-Identifier: Apache-2.0
// What tests of the monitor run as a container's program: static, alone in its root. Does what its first word says.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

int number(const char *text) { return static_cast<int>(strtol(text, nullptr, 10)); }

// "line 1" to "line COUNT".
int lines(const char *count) {
    for (int i = 1; i <= number(count); ++i) {
        printf("line %d\n", i);
    }
    return 0;
}

// The same, slowly enough that others come and go meanwhile.
int slow_lines(const char *count) {
    for (int i = 1; i <= number(count); ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        if (write(1, line.data(), line.size()) < 0) {
            return 1;
        }
        usleep(500);
    }
    return 0;
}

int megabytes(const char *count) {
    std::string line(1023, 'x');
    line += '\n';
    for (int i = 0; i < number(count) * 1024; ++i) {
        for (std::size_t done = 0; done < line.size();) {
            const ssize_t written = write(1, line.data() + done, line.size() - done);
            if (written < 0) {
                return 1;
            }
            done += static_cast<std::size_t>(written);
        }
    }
    return 0;
}

// What comes, and then that nothing more does.
int copy() {
    char buffer[4096];
    for (ssize_t got = 0; (got = read(0, buffer, sizeof buffer)) != 0;) {
        if (got < 0 || write(1, buffer, static_cast<std::size_t>(got)) != got) {
            return 1;
        }
    }
    return puts("end") < 0 ? 1 : 0;
}

void print_size() {
    winsize size{};
    ioctl(0, TIOCGWINSZ, &size);
    printf("%dx%d\n", size.ws_row, size.ws_col);
    fflush(stdout);
}

// The terminal's size now and after each change, until there is input.
int sizes() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    sigaction(SIGWINCH, &action, nullptr);
    sigset_t changes;
    sigset_t before;
    sigemptyset(&changes);
    sigaddset(&changes, SIGWINCH);
    sigprocmask(SIG_BLOCK, &changes, &before); // none is missed between a look and the wait
    pollfd input{0, POLLIN, 0};
    do {
        print_size();
    } while (ppoll(&input, 1, nullptr, &before) < 0 && errno == EINTR);
    char byte = 0;
    if (read(0, &byte, 1) != 1) {
        return 1;
    }
    printf("typed %c\n", byte);
    return 0;
}

// Ends, and leaves somebody behind who holds its output open.
int leave(const char *seconds) {
    if (fork() == 0) {
        sleep(static_cast<unsigned>(number(seconds)));
        _exit(0);
    }
    printf("gone\n");
    return 0;
}

// An orphan for pid 1 to reap; prints how many zombies there are afterwards.
int orphan() {
    const pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            _exit(0);
        }
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    for (int i = 0; i < 1000; ++i) {
        int zombies = 0;
        for (int pid = 2; pid < 64; ++pid) {
            char path[32];
            char text[256];
            snprintf(path, sizeof path, "/proc/%d/stat", pid);
            const int fd = open(path, O_RDONLY);
            const ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
            text[got > 0 ? got : 0] = '\0';
            zombies += strstr(text, ") Z ") != nullptr ? 1 : 0;
            close(fd);
        }
        if (zombies == 0) {
            return puts("no zombies") < 0 ? 1 : 0;
        }
        usleep(1000);
    }
    return puts("zombies") < 0 ? 1 : 0;
}

int wait_for_signal() {
    signal(SIGTERM, [](int) { _exit(15); });
    signal(SIGUSR1, [](int) { _exit(10); });
    puts("ready");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

} // namespace

int main(int count, char **words) {
    const std::string verb = count > 1 ? words[1] : "exit";
    const char *argument = count > 2 ? words[2] : "0";
    if (verb == "lines") {
        return lines(argument);
    }
    if (verb == "slow-lines") {
        return slow_lines(argument);
    }
    if (verb == "megabytes") {
        return megabytes(argument);
    }
    if (verb == "copy") {
        return copy();
    }
    if (verb == "sizes") {
        return sizes();
    }
    if (verb == "leave") {
        return leave(argument);
    }
    if (verb == "orphan") {
        return orphan();
    }
    if (verb == "both") {
        fputs("to stdout\n", stdout);
        fflush(stdout);
        fputs("to stderr\n", stderr);
        return 0;
    }
    if (verb == "kill") {
        kill(getpid(), number(argument)); // nobody but the kernel kills a pid namespace's first process
        raise(number(argument));
        return 1;
    }
    if (verb == "pid") {
        printf("%d %d\n", getpid(), getppid());
        return 0;
    }
    if (verb == "wait") {
        return wait_for_signal();
    }
    return verb == "exit" ? number(argument) : 64;
}
