// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/service_manager.h"

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/http/listener.h"
#include "tests/integration/orphans.h"
#include "tests/unit/check.h"

namespace ballast::chaos {
namespace {

using namespace std::chrono_literals;

constexpr int kFirstFd = 3;   // SD_LISTEN_FDS_START
constexpr int kFarFd = 2000;  // of copies that are not in the way of the numbers that the daemon gets
constexpr int kMostFds = 256; // of one message

} // namespace

ServiceManager::ServiceManager(std::vector<std::string> words, std::filesystem::path socket, std::filesystem::path log)
    : words_(std::move(words)), socket_(std::move(socket)), log_(std::move(log)) {
    // Whoever loses its parent is waited for here, as by a machine's first process.
    testing::adopt_orphans();
    listener_ = must(http::listen_unix(socket_, 0600));
    const std::string path = socket_.string() + ".notify";
    notify_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    (void)unlink(path.c_str());
    REQUIRE(bind(notify_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    thread_ = std::thread([this] { run(); });
}

ServiceManager::~ServiceManager() {
    ending_ = true;
    if (const pid_t daemon = daemon_; daemon > 0) {
        (void)::kill(daemon, SIGTERM);
    }
    thread_.join();
    testing::end_orphans();
}

void ServiceManager::run() {
    daemon_ = start_daemon();
    for (;;) {
        pollfd entry{.fd = notify_.get(), .events = POLLIN, .revents = 0};
        (void)poll(&entry, 1, 20);
        take_notifications();
        int status = 0;
        for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
            if (ended == daemon_) {
                take_notifications(); // what it said last
                daemon_ = -1;
            }
        }
        if (daemon_ < 0 && ending_) {
            return;
        }
        if (daemon_ < 0) {
            std::this_thread::sleep_for(50ms);
            daemon_ = start_daemon();
        }
    }
}

pid_t ServiceManager::start_daemon() {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    std::vector<Fd> copies;
    std::string names = "engine.socket";
    const auto pass = [&](BorrowedFd fd) {
        copies.emplace_back(fcntl(fd.get(), F_DUPFD_CLOEXEC, kFarFd));
        posix_spawn_file_actions_adddup2(&actions, copies.back().get(), kFirstFd + static_cast<int>(copies.size()) - 1);
    };
    pass(listener_);
    {
        const std::scoped_lock lock(mutex_);
        for (const auto &[name, fd] : kept_) {
            pass(fd);
            names += ":" + name;
        }
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, kFirstFd + static_cast<int>(copies.size()));
    // LISTEN_PID is the daemon's own, which only it knows.
    std::vector<std::string> words = {"/bin/sh", "-c", "LISTEN_PID=$$ exec \"$@\"", "sh"};
    words.insert(words.end(), words_.begin(), words_.end());
    std::vector<std::string> environment = {"NOTIFY_SOCKET=" + socket_.string() + ".notify",
                                            "LISTEN_FDS=" + std::to_string(copies.size()), "LISTEN_FDNAMES=" + names,
                                            "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    for (const char *name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
        if (const char *value = getenv(name); value != nullptr) {
            environment.push_back(std::string(name) + "=" + value);
        }
    }
    std::vector<char *> arguments, variables;
    for (std::string &word : words) {
        arguments.push_back(word.data());
    }
    for (std::string &variable : environment) {
        variables.push_back(variable.data());
    }
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    pid_t pid = -1;
    const int failed = posix_spawn(&pid, "/bin/sh", &actions, nullptr, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? pid : -1;
}

void ServiceManager::take_notifications() {
    std::array<char, 8192> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostFds)> control{};
    for (;;) {
        iovec piece{.iov_base = text.data(), .iov_len = text.size()};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = recvmsg(notify_.get(), &message, MSG_CMSG_CLOEXEC);
        if (size < 0) {
            return;
        }
        std::vector<Fd> fds;
        for (cmsghdr *part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
                const auto *numbers = reinterpret_cast<const int *>(CMSG_DATA(part));
                for (std::size_t i = 0; i < (part->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                    fds.emplace_back(numbers[i]);
                }
            }
        }
        std::istringstream lines(std::string(text.data(), static_cast<std::size_t>(size)));
        std::string name = "stored";
        bool store = false, remove = false;
        for (std::string line; std::getline(lines, line);) {
            store = store || line == "FDSTORE=1";
            remove = remove || line == "FDSTOREREMOVE=1";
            name = line.starts_with("FDNAME=") ? line.substr(7) : name;
        }
        if (remove) {
            const std::scoped_lock lock(mutex_);
            kept_.erase(name);
        }
        for (Fd &fd : fds) {
            if (store) {
                keep(name, std::move(fd));
            }
        }
    }
}

// One of a file that is there already is not kept twice: sd_notify(3) says so.
void ServiceManager::keep(const std::string &name, Fd fd) {
    const std::scoped_lock lock(mutex_);
    for (const auto &[other, known] : kept_) {
        if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, known.get(), fd.get()) == 0) {
            return;
        }
    }
    kept_.emplace(name, std::move(fd));
}

std::vector<std::string> ServiceManager::kept() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> names;
    for (const auto &[name, fd] : kept_) {
        names.push_back(name);
    }
    return names;
}

} // namespace ballast::chaos
