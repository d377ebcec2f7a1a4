// SPDX-License-Identifier: Apache-2.0
// ballast-container-init: pid 1 of a container with `--init`. Runs its arguments as a child, passes signals on to it,
// reaps whatever is orphaned, and ends as the child ends: its exit status, or 128 + signal.
//
// It is in every such container, so it has no C library: the few system calls it needs are made here.
#include <asm/unistd.h>
#include <linux/prctl.h>
#include <linux/wait.h>

#include <asm-generic/errno.h>

#include "runtime/monitor/container_init_calls.h"

namespace {

using namespace ballast::container_init;

using Words = char *const *;

constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;
constexpr long kAllSignals = -1;
constexpr unsigned long kTiocspgrp = 0x5410;
constexpr int kSigchld = 17;
constexpr unsigned long kLongestPath = 4096;

unsigned long length_of(const char *text) {
    unsigned long length = 0;
    while (text[length] != '\0') {
        ++length;
    }
    return length;
}

bool has_slash(const char *text) {
    for (; *text != '\0'; ++text) {
        if (*text == '/') {
            return true;
        }
    }
    return false;
}

bool equal(const char *one, const char *other) {
    while (*one != '\0' && *one == *other) {
        ++one;
        ++other;
    }
    return *one == *other;
}

void say(const char *text) {
    (void)call(__NR_write, 2, reinterpret_cast<long>(text), static_cast<long>(length_of(text)));
}

[[noreturn]] void leave(int status) {
    for (;;) {
        (void)call(__NR_exit_group, status);
    }
}

const char *search_path(Words environment) {
    for (; *environment != nullptr; ++environment) {
        const char *entry = *environment;
        if (entry[0] == 'P' && entry[1] == 'A' && entry[2] == 'T' && entry[3] == 'H' && entry[4] == '=') {
            return entry + 5;
        }
    }
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// As execvp(3). Returns an errno.
long execute(Words words, Words environment) {
    const auto try_at = [&](const char *path) {
        return -call(__NR_execve, reinterpret_cast<long>(path), reinterpret_cast<long>(words),
                     reinterpret_cast<long>(environment));
    };
    if (has_slash(words[0])) {
        return try_at(words[0]);
    }
    long failed = ENOENT;
    const unsigned long name = length_of(words[0]);
    for (const char *place = search_path(environment); *place != '\0';) {
        char path[kLongestPath];
        unsigned long size = 0;
        while (*place != '\0' && *place != ':' && size < sizeof path) {
            path[size++] = *place++;
        }
        place += *place == ':' ? 1 : 0;
        if (size == 0 || size + name + 2 > sizeof path) {
            continue;
        }
        path[size++] = '/';
        for (unsigned long i = 0; i <= name; ++i) {
            path[size++] = words[0][i];
        }
        const long code = try_at(path);
        if (code != ENOENT && code != ENOTDIR) {
            failed = code;
            if (code != EACCES) {
                break;
            }
        }
    }
    return failed;
}

// The child: a group of its own, in the terminal's foreground when there is one, with the signals that we were given.
[[noreturn]] void become(Words words, Words environment, unsigned long mask) {
    (void)call(__NR_setpgid, 0, 0);
    const int group = static_cast<int>(call(__NR_getpid));
    (void)call(__NR_ioctl, 0, kTiocspgrp,
               reinterpret_cast<long>(&group)); // stdin may be no terminal; SIGTTOU is blocked
    (void)call(__NR_rt_sigprocmask, 2, reinterpret_cast<long>(&mask), 0, sizeof mask);
    const long failed = execute(words, environment);
    say("ballast-container-init: ");
    say(words[0]);
    say(failed == ENOENT ? ": no such file or directory\n" : ": cannot be executed\n");
    leave(failed == ENOENT ? kNotFound : kNotExecutable);
}

int exit_status(int status) {
    const int signal = status & 0x7f;
    return signal != 0 ? 128 + signal : (status >> 8) & 0xff;
}

// Everybody who has ended. Ends ourselves when the child is among them.
void reap(long child) {
    int status = 0;
    int result = -1;
    for (long pid = 0; (pid = call(__NR_wait4, -1, reinterpret_cast<long>(&status), WNOHANG, 0)) > 0;) {
        result = pid == child ? exit_status(status) : result;
    }
    if (result >= 0) {
        leave(result);
    }
}

} // namespace

extern "C" [[noreturn]] void ballast_start(long *stack) {
    auto *words = reinterpret_cast<char **>(stack + 1);
    Words environment = words + *stack + 1;
    ++words;
    if (*words != nullptr && equal(*words, "--")) {
        ++words;
    }
    if (*words == nullptr) {
        say("usage: ballast-container-init [--] PROGRAM [ARGUMENT...]\n");
        leave(1);
    }
    if (call(__NR_getpid) != 1) { // with the host's pids: orphans come to us all the same
        (void)call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
    }
    unsigned long all = static_cast<unsigned long>(kAllSignals);
    unsigned long before = 0;
    (void)call(__NR_rt_sigprocmask, 2, reinterpret_cast<long>(&all), reinterpret_cast<long>(&before), sizeof all);
    const long child = call(__NR_clone, kSigchld, 0, 0, 0, 0);
    if (child == 0) {
        become(words, environment, before);
    }
    if (child < 0) {
        say("ballast-container-init: no process can be made\n");
        leave(kNotExecutable);
    }
    for (;;) {
        const long signal = call(__NR_rt_sigtimedwait, reinterpret_cast<long>(&all), 0, 0, sizeof all);
        if (signal == kSigchld) {
            reap(child);
        } else if (signal > 0) {
            (void)call(__NR_kill, child, signal); // it may have ended: then its SIGCHLD is next
        }
    }
}
