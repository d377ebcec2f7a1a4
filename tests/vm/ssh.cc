// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/ssh.h"

#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char *kConnected = "ballast-connected";

// Reads what the master says until it has logged in, has ended or is out of time.
Status wait_connected(BorrowedFd output, BorrowedFd master, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    std::string said;
    while (true) {
        std::array<pollfd, 2> waiting{{{output.get(), POLLIN, 0}, {master.get(), POLLIN, 0}}};
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        const int ready = left <= 0 ? 0 : poll(waiting.data(), waiting.size(), static_cast<int>(left));
        if (ready < 0 && errno != EINTR) {
            return fail_errno("wait for ssh");
        }
        std::array<char, 4096> buffer{};
        const ssize_t count = read(output.get(), buffer.data(), buffer.size());
        if (count > 0) {
            said.append(buffer.data(), static_cast<std::size_t>(count));
            if (said.find(kConnected) != std::string::npos) {
                return {};
            }
        } else if (ready == 0) {
            return fail(ETIMEDOUT, "ssh into the guest: not logged in after " + std::to_string(timeout.count() / 1000) +
                                       " s " + said);
        } else if (ready > 0 && waiting[1].revents != 0) {
            return fail(ECONNREFUSED, "ssh into the guest: " + (said.empty() ? "it ended without a word" : said));
        }
    }
}

} // namespace

Result<SshKey> test_key(const fs::path &state_directory) {
    TRY(make_directories(state_directory));
    const fs::path key = state_directory / "ssh_key";
    const fs::path public_file = state_directory / "ssh_key.pub";
    const FileLock lock = TRY(FileLock::acquire(state_directory / "ssh_key.lock"));
    std::error_code ignored;
    if (!fs::exists(key, ignored) || !fs::exists(public_file, ignored)) {
        const TemporaryDirectory directory = TRY(TemporaryDirectory::create(state_directory, "key-"));
        const fs::path fresh = directory.path() / "key";
        TRY(run_checked({.arguments = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ballast-test-machine",
                                       "-f", fresh.string()}}));
        // The private half last: it is what says that the pair is complete.
        fs::remove(key, ignored);
        fs::rename(fresh.string() + ".pub", public_file);
        fs::rename(fresh, key);
    }
    std::string line = TRY(read_file(public_file));
    return SshKey{key, line.substr(0, line.find('\n'))};
}

std::vector<std::string> ssh_command(const SshTarget &target) {
    return {"ssh",
            "-F",
            "/dev/null",
            "-i",
            target.key.string(),
            "-p",
            std::to_string(target.port),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            "UserKnownHostsFile=" + target.known_hosts.string(),
            "-o",
            "LogLevel=ERROR",
            "root@127.0.0.1"};
}

std::string shell_quoted(const std::string &text) {
    std::string quoted = "'";
    for (const char c : text) {
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return quoted + "'";
}

Result<SshConnection> SshConnection::open(const SshTarget &target, const fs::path &directory, milliseconds timeout) {
    std::error_code ignored;
    const fs::path control = directory / "ssh.sock";
    const fs::path output = directory / "ssh.output";
    fs::remove(control, ignored);
    fs::remove(output, ignored);
    if (mkfifo(output.c_str(), 0600) != 0) {
        return fail_errno("make " + output.string());
    }
    const Fd reader = TRY(open_file(output, O_RDWR | O_NONBLOCK));

    std::vector<std::string> prefix = ssh_command(target);
    const std::string host = prefix.back();
    prefix.pop_back();
    for (const std::string &option : {std::string("BatchMode=yes"), "ControlPath=" + control.string()}) {
        prefix.insert(prefix.end(), {"-o", option});
    }
    Command master{.arguments = prefix};
    // ssh listens on the control socket before it starts the session, so the session's first output says that both the
    // login and the socket are there.
    master.arguments.insert(master.arguments.end(),
                            {"-M", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8", host,
                             std::string("echo ") + kConnected + "; exec sleep infinity"});
    master.log = output;
    Child child = TRY(Child::start(master));
    TRY(wait_connected(reader, child.pidfd(), timeout));
    prefix.insert(prefix.end(), {"-o", "ControlMaster=no", host, "--"});
    return SshConnection(std::move(child), std::move(prefix));
}

std::vector<std::string> SshConnection::arguments(const std::string &command) const {
    std::vector<std::string> all = prefix_;
    all.push_back(command);
    return all;
}

bool SshConnection::is_alive() {
    const Result<int> ended = master_.wait(milliseconds(0));
    return !ended.has_value() && ended.error().code == ETIMEDOUT;
}

} // namespace ballast::vm
