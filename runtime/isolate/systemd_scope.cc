// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/systemd_scope.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::isolate {
namespace {

constexpr std::uint64_t kLongestMessage = 64UL << 10;
constexpr int kExists = 3; // its exit code for EEXIST

// A file and not a pipe: the program may end before it has read everything, and nobody waits for anybody.
Result<Fd> input_of(const std::vector<UnitProperty> &properties) {
    Fd file(::memfd_create("ballast-scope", MFD_CLOEXEC));
    if (!file.is_open()) {
        return fail_errno("memfd_create");
    }
    TRY(write_all(file, encode(properties)));
    if (::lseek(file.get(), 0, SEEK_SET) != 0) {
        return fail_errno("lseek");
    }
    return file;
}

class SpawnActions {
  public:
    SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
    SpawnActions(const SpawnActions &) = delete;
    SpawnActions &operator=(const SpawnActions &) = delete;
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }

    // Nothing else is open in the program: descriptors that are meant for the container are not close-on-exec.
    int streams(const Fd &input, const Fd &errors) {
        int code = ::posix_spawn_file_actions_adddup2(&actions_, input.get(), STDIN_FILENO);
        code = code != 0 ? code : ::posix_spawn_file_actions_adddup2(&actions_, errors.get(), STDERR_FILENO);
        constexpr int kFirst = STDERR_FILENO + 1;
        return code != 0 ? code : ::posix_spawn_file_actions_addclosefrom_np(&actions_, kFirst);
    }
    const posix_spawn_file_actions_t *get() const { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
};

Result<int> wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) != pid) {
        if (errno != EINTR) {
            return fail_errno("waitpid");
        }
    }
    constexpr int kSignalled = 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

} // namespace

Status SystemdScope::ask(const char *verb, const std::vector<UnitProperty> &properties) const {
    const std::string what = std::string("systemd: ") + verb + " " + scope_;
    Fd input = TRY(input_of(properties).within(what));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno(what + ": pipe");
    }
    Fd errors(ends[0]), theirs(ends[1]);
    SpawnActions actions;
    int code = actions.streams(input, theirs);
    std::array<std::string, 4> words = {program_, verb, scope_, user_bus_ ? "--user" : "--system"};
    std::array<char *, 5> arguments = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
    pid_t pid = -1;
    code = code != 0 ? code : ::posix_spawn(&pid, program_.c_str(), actions.get(), nullptr, arguments.data(), environ);
    if (code != 0) {
        return fail_errno(what + ": " + program_, code);
    }
    theirs.close();
    Result<std::string> message = read_all(errors, "its message", kLongestMessage);
    const int status = TRY(wait_for(pid).within(what));
    if (status == 0) {
        return {};
    }
    std::string text = message.has_value() ? std::move(*message) : std::move(message.error().message);
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    if (text.empty()) {
        text = program_ + " ended with " + std::to_string(status);
    }
    return fail(status == kExists ? EEXIST : EIO, what + ": " + escaped(text));
}

Status SystemdScope::start(const std::vector<UnitProperty> &properties) const { return ask("start", properties); }
Status SystemdScope::set(const std::vector<UnitProperty> &properties) const {
    return properties.empty() ? Status{} : ask("set", properties);
}
Status SystemdScope::stop() const { return ask("stop", {}); }

} // namespace ballast::isolate
