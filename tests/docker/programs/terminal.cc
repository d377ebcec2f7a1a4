// SPDX-License-Identifier: Apache-2.0
// A person at a terminal, for tests: runs a command on a pseudo terminal, waits for what it says and types.
//
//     terminal STEP... -- COMMAND...
//
// see:TEXT waits until the command has said TEXT (after what an earlier step saw), type:KEYS types (with the escapes r,
// n, xNN and a doubled backslash), size:ROWSxCOLUMNS changes the terminal's size, end waits for the command's end. All
// that it said goes to stdout; the status is the command's. What takes more than a minute ends with status 125.
//
//     terminal datagrams:PATH
//
// makes a Unix datagram socket there and prints what arrives, until it is killed.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <pty.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int kPatience = 60'000; // ms
constexpr int kGaveUp = 125;

[[noreturn]] void die(const std::string &why) {
    std::fprintf(stderr, "terminal: %s\n", why.c_str());
    std::exit(kGaveUp);
}

struct Terminal {
    int fd = -1;
    pid_t child = -1;
    std::string said = {};
    std::size_t seen = 0; // of `said`, by earlier steps
    bool ended = false;

    // One piece of what the command says.
    void hear() {
        pollfd entry{fd, POLLIN, 0};
        if (poll(&entry, 1, kPatience) == 0) {
            die("it says nothing more; after " + said);
        }
        char piece[4096];
        const ssize_t count = read(fd, piece, sizeof piece);
        if (count <= 0) { // EIO: nobody has the other end any more
            ended = true;
            return;
        }
        said.append(piece, static_cast<std::size_t>(count));
        std::fwrite(piece, 1, static_cast<std::size_t>(count), stdout);
        std::fflush(stdout);
    }
    void see(std::string_view text) {
        std::size_t at = 0;
        while ((at = said.find(text, seen)) == std::string::npos) {
            if (ended) {
                die("it ended and never said " + std::string(text));
            }
            hear();
        }
        seen = at + text.size();
    }
    void type(std::string_view keys) const {
        if (write(fd, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
            die("cannot type");
        }
    }
    void resize(const char *text) const {
        winsize size{};
        if (std::sscanf(text, "%hux%hu", &size.ws_row, &size.ws_col) != 2 || ioctl(fd, TIOCSWINSZ, &size) != 0) {
            die("want size:ROWSxCOLUMNS");
        }
        (void)kill(child, SIGWINCH); // what the kernel does for a terminal's foreground group
    }
    int end() {
        while (!ended) {
            hear();
        }
        int status = 0;
        if (waitpid(child, &status, 0) != child) {
            die("waitpid");
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
};

std::string unescaped(std::string_view text) {
    std::string keys;
    for (std::size_t at = 0; at < text.size(); at++) {
        if (text[at] != '\\' || at + 1 == text.size()) {
            keys += text[at];
            continue;
        }
        at++;
        if (text[at] == 'x' && at + 2 < text.size()) {
            keys += static_cast<char>(std::stoi(std::string(text.substr(at + 1, 2)), nullptr, 16));
            at += 2;
        } else {
            keys += text[at] == 'r' ? '\r' : text[at] == 'n' ? '\n' : text[at];
        }
    }
    return keys;
}

int print_datagrams(const char *path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (std::strlen(path) >= sizeof address.sun_path) {
        die("the path is too long");
    }
    std::strcpy(address.sun_path, path);
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        die("bind: " + std::string(std::strerror(errno)));
    }
    char message[65536];
    for (ssize_t count = 0; (count = recv(fd, message, sizeof message, 0)) >= 0;) {
        std::fwrite(message, 1, static_cast<std::size_t>(count), stdout);
        std::fputc('\n', stdout);
        std::fflush(stdout);
    }
    return EXIT_FAILURE;
}

bool starts(const char *step, const char *verb) { return std::strncmp(step, verb, std::strlen(verb)) == 0; }

} // namespace

int main(int count, char **words) {
    if (count == 2 && starts(words[1], "datagrams:")) {
        return print_datagrams(words[1] + std::strlen("datagrams:"));
    }
    int command = 1;
    while (command < count && std::strcmp(words[command], "--") != 0) {
        command++;
    }
    if (command + 1 >= count) {
        die("want STEP... -- COMMAND...");
    }
    Terminal terminal;
    winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    terminal.child = forkpty(&terminal.fd, nullptr, nullptr, &size);
    if (terminal.child == 0) {
        execvp(words[command + 1], words + command + 1);
        _exit(127);
    }
    if (terminal.child < 0) {
        die("forkpty: " + std::string(std::strerror(errno)));
    }
    for (int at = 1; at < command; at++) {
        const char *step = words[at];
        if (starts(step, "see:")) {
            terminal.see(step + 4);
        } else if (starts(step, "type:")) {
            terminal.type(unescaped(step + 5));
        } else if (starts(step, "size:")) {
            terminal.resize(step + 5);
        } else if (std::strcmp(step, "end") == 0) {
            return terminal.end();
        } else {
            die("unknown step " + std::string(step));
        }
    }
    return terminal.end();
}
