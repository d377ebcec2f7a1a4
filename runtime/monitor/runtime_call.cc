// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/runtime_call.h"

#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::monitor {
namespace {

constexpr std::size_t kLongestMessage = 4096;
constexpr std::uint64_t kLargestLog = 1UL << 20;

Result<Fd> open_null(int flags) { return open_file("/dev/null", flags); }

int digit_of(char letter) {
    return letter >= '0' && letter <= '9' ? letter - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// Undoes quote().
std::string unquoted(std::string_view text) {
    std::string result;
    while (!text.empty() && text[0] != '"') {
        if (text[0] != '\\' || text.size() < 2) {
            result += text[0];
            text.remove_prefix(1);
            continue;
        }
        const char kind = text[1];
        if (kind == 'x' && text.size() >= 4 && digit_of(text[2]) >= 0 && digit_of(text[3]) >= 0) {
            result += static_cast<char>(digit_of(text[2]) * 16 + digit_of(text[3]));
            text.remove_prefix(4);
            continue;
        }
        result += kind == 'n' ? '\n' : kind == 't' ? '\t' : kind == 'r' ? '\r' : kind;
        text.remove_prefix(2);
    }
    return result;
}

int spawn_with(pid_t &pid, std::vector<char *> &arguments, const RuntimeCall::Streams &streams) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        sigset_t none;
        sigset_t all;
        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        for (int number = 0; number < 3 && failed == 0; ++number) {
            failed =
                posix_spawn_file_actions_adddup2(&actions, streams[static_cast<std::size_t>(number)].get(), number);
        }
        failed = failed != 0 ? failed : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        std::array<char *, 2> environment{path.data(), nullptr};
        failed = failed != 0
                     ? failed
                     : posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), environment.data());
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

std::string read_what_is_there(const Fd &fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; text.size() < kLongestMessage && (got = read(fd.get(), buffer.data(), buffer.size())) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

} // namespace

std::optional<std::string> logged_error(std::string_view log) {
    constexpr std::string_view start = " level=error msg=\"";
    while (!log.empty()) {
        const std::size_t end = log.ends_with('\n') ? log.size() - 1 : log.size();
        const std::size_t begin = end == 0 ? 0 : log.rfind('\n', end - 1) + 1; // npos + 1: the first line
        const std::string_view line = log.substr(begin, end - begin);
        if (const std::size_t place = line.find(start); place != std::string_view::npos) {
            return unquoted(line.substr(place + start.size()));
        }
        log = log.substr(0, begin);
    }
    return std::nullopt;
}

Result<RuntimeCall> RuntimeCall::start(const std::vector<std::string> &runtime, const std::vector<std::string> &words,
                                       Streams streams) {
    RuntimeCall call;
    call.log_ = Fd(memfd_create("ballast-oci log", MFD_CLOEXEC));
    std::array<int, 2> ends{};
    if (!call.log_.is_open() || pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("prepare a call of the runtime");
    }
    call.said_ = Fd(ends[0]);
    const Fd say(ends[1]);
    if (fcntl(call.said_.get(), F_SETFL, O_NONBLOCK) != 0) {
        return fail_errno("prepare a call of the runtime");
    }
    if (!streams[0].is_open()) {
        streams[0] = TRY(open_null(O_RDONLY));
    }
    for (std::size_t number : {1U, 2U}) {
        if (!streams[number].is_open()) {
            streams[number] = TRY(say.duplicate());
        }
    }
    std::vector<std::string> all = runtime;
    // By number of our process: the runtime opens it while it is still among the host's.
    all.insert(all.end(), {"--log", "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(call.log_.get()),
                           "--log-format", "text"});
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char *> arguments;
    for (std::string &word : all) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    if (const int failed = spawn_with(call.pid_, arguments, streams); failed != 0) {
        return fail_errno("execute " + quote(runtime.front()), failed);
    }
    return call;
}

std::string RuntimeCall::message(const Fd &output) const {
    std::string text;
    if (lseek(log_.get(), 0, SEEK_SET) == 0) {
        text = logged_error(read_all(log_, "log", kLargestLog).value_or("")).value_or("");
    }
    for (const Fd *other : {&said_, &output}) {
        if (text.empty() && other->is_open()) {
            text = read_what_is_there(*other);
        }
    }
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    if (text.empty()) {
        text = "the runtime failed and did not say why";
    }
    return escaped(text.substr(0, kLongestMessage));
}

} // namespace ballast::monitor
