// SPDX-License-Identifier: Apache-2.0
// A container's program for the tests of faults: static, alone in its image. It counts on its standard output and notes
// in /out, which is the host's, what it did, so that a test can compare what the engine says with what happened.
//   worker count NAME LINES STATUS   that many numbered lines, then ends with STATUS; 0 lines: until SIGTERM, then
//   STATUS worker exit STATUS               at once
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace {

constexpr useconds_t kPause = 20'000;
volatile sig_atomic_t asked_to_end = 0;

bool put(int fd, const std::string &text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count = write(fd, text.data() + done, text.size() - done);
        if (count <= 0) {
            return false;
        }
        done += static_cast<std::size_t>(count);
    }
    return true;
}

int count_up(const char *name, long lines, int status) {
    // The terminator of each run is its last record: "exit STATUS". Appended by one write each, so it is there or not.
    const int notes = open((std::string("/out/") + name).c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (notes < 0) {
        return 100;
    }
    long run = 0;
    char letter = 0;
    for (off_t at = 0; pread(notes, &letter, 1, at) == 1; at++) {
        run += letter == 's' ? 1 : 0;
    }
    if (!put(notes, "s\n")) {
        return 101;
    }
    for (long number = 1; (lines == 0 || number <= lines) && asked_to_end == 0; number++) {
        // Two pieces: a monitor that is killed may have read one of them.
        const std::string line = std::to_string(run) + " " + std::to_string(number);
        if (!put(STDOUT_FILENO, line) || !put(STDOUT_FILENO, " and the rest of the line\n")) {
            put(notes, "x 102\n");
            return 102;
        }
        if (!put(notes, "l\n")) {
            return 103;
        }
        usleep(kPause);
    }
    put(notes, "x " + std::to_string(status) + "\n");
    return status;
}

} // namespace

int main(int count, char **words) {
    signal(SIGTERM, [](int) { asked_to_end = 1; });
    signal(SIGPIPE, SIG_IGN);
    if (count == 5 && strcmp(words[1], "count") == 0) {
        return count_up(words[2], atol(words[3]), atoi(words[4]));
    }
    return count == 3 && strcmp(words[1], "exit") == 0 ? atoi(words[2]) : 104;
}
