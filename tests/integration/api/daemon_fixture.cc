// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/api/daemon_fixture.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"
#include "tests/images/sources.h"
#include "tests/integration/runtime/leave_chroot.h"

namespace ballast::api_tests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kPatience = 60s; // of a test that would hang

// The network that the test was started in, where packages come from.
BorrowedFd outer_network() {
    static const Fd network = must(open_file("/proc/self/ns/net", O_RDONLY));
    return network;
}

// Mounts and interfaces of a test are nobody else's, and go with it.
void own_mounts() {
    (void)outer_network();
    static const bool done = [] {
        const fs::path here = fs::current_path();
        return ::unshare(CLONE_NEWNET) == 0 && leave_chroot() && ::chdir(here.c_str()) == 0;
    }();
    if (!done) {
        SKIP("needs root, to make a mount namespace");
    }
    static const bool loopback = [] {
        return run_checked({.arguments = {"ip", "link", "set", "lo", "up"}}).has_value();
    }();
    REQUIRE(loopback);
    if (!fs::exists("/usr/bin/docker")) {
        SKIP("needs the docker command");
    }
}

} // namespace

DaemonFixture::DaemonFixture(const std::string &configuration)
    : directory_(must(TemporaryDirectory::create("/tmp", "api-"))) {
    own_mounts();
    REQUIRE(::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "mode=0700") == 0);
    must(make_directories(path("programs")));
    const std::pair<const char *, const char *> programs[] = {{"ballast-oci", BALLAST_OCI_PROGRAM},
                                                              {"ballast-monitor", BALLAST_MONITOR_PROGRAM},
                                                              {"ballast-pause", BALLAST_PAUSE_PROGRAM},
                                                              {"ballast-container-init", BALLAST_INIT_PROGRAM}};
    for (const auto &[name, file] : programs) {
        fs::create_symlink(file, path("programs") / name);
    }
    must(write_file(path("engine.json"), configuration));
    start();
    must(make_directories(path("image/etc")));
    must(make_directories(path("image/tmp")));
    must(make_directories(path("image/data")));
    must(write_file(path("image/inside"), must(read_file(BALLAST_INSIDE_PROGRAM)), 0755));
    must(write_file(path("image/etc/passwd"), "root:x:0:0::/:/x\n"));
    shell("tar -C image -c . | docker import -c 'ENTRYPOINT [\"/inside\"]' - inside");
}

DaemonFixture::~DaemonFixture() {
    if (daemon_) {
        (void)docker({"ps", "-aq"}); // the daemon answers, or its log says why it does not
        (void)run(command({"sh", "-c", "docker ps -aq --no-trunc | xargs -r docker rm -f >/dev/null 2>&1"}));
        (void)daemon_->signal(SIGTERM);
        (void)daemon_->wait(kPatience);
    }
    (void)::umount2(directory_.path().c_str(), MNT_DETACH);
}

fs::path DaemonFixture::layout(const std::string &image) const {
    const std::string network = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(outer_network().get());
    must(run_checked({.arguments = {"nsenter", "--net=" + network, BALLAST_TEST_IMAGES_PROGRAM, "build", "--cache",
                                    images::test_cache().string(), "--out", path("layouts").string(), image}}));
    return path("layouts") / image;
}

Command DaemonFixture::command(std::vector<std::string> words) const {
    return {.arguments = std::move(words),
            .environment = {{"DOCKER_HOST", "unix://" + path("socket").string()},
                            {"DOCKER_CONFIG", path("client").string()},
                            {"DOCKER_BUILDKIT", "0"}},
            .directory = directory_.path(),
            .timeout = kPatience};
}

void DaemonFixture::start(const std::vector<std::string> &more_hosts) {
    std::vector<std::string> arguments = {BALLAST_DAEMON_PROGRAM,
                                          "--config",
                                          path("engine.json").string(),
                                          "--data-root",
                                          path("data").string(),
                                          "--exec-root",
                                          path("run").string(),
                                          "--programs",
                                          path("programs").string(),
                                          "--host",
                                          "unix://" + path("socket").string(),
                                          "--debug"};
    for (const std::string &host : more_hosts) {
        arguments.insert(arguments.end(), {"--host", host});
    }
    daemon_ =
        must(Child::start({.arguments = std::move(arguments), .directory = directory_.path(), .log = path("log")}));
    bool ended = false;
    const bool answers = eventually([&] {
        ended = daemon_->wait(10ms).has_value();
        return ended || run(command({"docker", "version"})).value_or(Completed{1, "", ""}).status == 0;
    });
    if (ended || !answers) {
        FAIL("ballastd does not answer:\n" << log());
    }
}

void DaemonFixture::stop() {
    must(daemon_->signal(SIGTERM));
    REQUIRE(must(daemon_->wait(kPatience)) == 0);
    daemon_.reset();
}

void DaemonFixture::kill() {
    must(daemon_->signal(SIGKILL));
    REQUIRE(must(daemon_->wait(kPatience)) == 128 + SIGKILL);
    daemon_.reset();
}

void DaemonFixture::reload(const std::string &configuration) {
    must(write_file(path("engine.json"), configuration));
    must(daemon_->signal(SIGHUP));
}

bool DaemonFixture::eventually(const std::function<bool()> &condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

std::pair<std::size_t, std::size_t> DaemonFixture::holdings() const {
    const fs::path own = "/proc/" + std::to_string(daemon_->pid());
    const auto count = [&own](const char *what) {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(own / what), fs::directory_iterator()));
    };
    return {count("task"), count("fd")};
}

std::string DaemonFixture::log() const { return read_file(path("log")).value_or(""); }

Completed DaemonFixture::docker(std::vector<std::string> words, const std::string &input) const {
    words.insert(words.begin(), "docker");
    Command docker = command(std::move(words));
    docker.input = input;
    return must(run(docker));
}

std::string DaemonFixture::output_of(std::vector<std::string> words, const std::string &input) const {
    Completed done = docker(std::move(words), input);
    INFO(done.errors << "\n" << log());
    REQUIRE(done.status == 0);
    if (done.output.ends_with('\n')) {
        done.output.pop_back();
    }
    return done.output;
}

std::string DaemonFixture::shell(const std::string &line) const {
    const Completed done = must(run(command({"bash", "-o", "pipefail", "-c", line})));
    INFO(line << "\n" << done.errors << "\n" << log());
    REQUIRE(done.status == 0);
    return done.output;
}

Fd DaemonFixture::connect() const {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path("socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    return socket;
}

std::string DaemonFixture::ask(std::string_view request) const {
    const Fd socket = connect();
    // A server that refuses early may not take all of it.
    (void)::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string answer;
    std::array<char, 8192> piece{};
    while (true) {
        pollfd entry{socket.get(), POLLIN, 0};
        REQUIRE(::poll(&entry, 1, 60'000) == 1);
        const ssize_t count = ::recv(socket.get(), piece.data(), piece.size(), 0);
        if (count <= 0) {
            return answer;
        }
        answer.append(piece.data(), static_cast<std::size_t>(count));
    }
}

} // namespace ballast::api_tests
