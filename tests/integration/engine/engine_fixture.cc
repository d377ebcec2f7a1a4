// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/engine/engine_fixture.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <format>
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd_passing.h"
#include "runtime/image/tar.h"
#include "tests/integration/orphans.h"

namespace ballast::engine_tests {
namespace {

// Mounts and interfaces of a test are nobody else's, and go with it. Before the first thread.
void own_mounts() {
    static const bool done = [] {
        return ::unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 &&
               ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    }();
    if (!done) {
        SKIP("needs root, to make a mount namespace");
    }
}

std::string image_archive() {
    std::string archive;
    image::TarWriter writer = must(image::TarWriter::open([&archive](std::string_view bytes) -> Status {
        archive += bytes;
        return {};
    }));
    const auto directory = [&writer](const char *path, uid_t owner) {
        image::TarEntry entry;
        entry.path = path;
        entry.kind = image::EntryKind::kDirectory;
        entry.mode = 0755;
        entry.uid = entry.gid = owner;
        must(writer.add(entry));
    };
    const auto file = [&writer](const char *path, mode_t mode, const std::string &content) {
        image::TarEntry entry;
        entry.path = path;
        entry.mode = mode;
        entry.size = content.size();
        must(writer.add_file(entry, content));
    };
    for (const char *path : {"etc", "tmp", "proc", "sys", "dev"}) {
        directory(path, 0);
    }
    directory("data", 1000);
    file("inside", 0755, must(read_file(BALLAST_INSIDE_PROGRAM)));
    file("data/seed", 0640, "from the image");
    file("etc/passwd", 0644, "root:x:0:0::/root:/x\nweb:x:1000:1000::/:/x\n");
    file("not-a-program", 0644, "x");
    must(writer.close());
    return archive;
}

image::ByteSource source_of(std::string_view text) {
    return [text](std::span<char> into) mutable -> Result<std::size_t> {
        const std::size_t size = text.copy(into.data(), into.size());
        text.remove_prefix(size);
        return size;
    };
}

} // namespace

EngineFixture::EngineFixture(bool keeps, fs::path loopback)
    : runtime(BALLAST_OCI_PROGRAM), monitor(BALLAST_MONITOR_PROGRAM), loopback_(std::move(loopback)) {
    own_mounts();
    if (std::array<int, 2> ends{}; keeps) {
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
        tell_ = Fd(ends[0]);
        told_ = Fd(ends[1]);
    }
    if (mount("tmpfs", root().c_str(), "tmpfs", 0, "mode=0700,size=1g") != 0) {
        FAIL("tmpfs: " << errno);
    }
    open();
    const std::string archive = image_archive();
    image::ImportSpec spec;
    spec.name = must(image::Reference::parse_with_default_tag("inside"));
    if (!store_->find("inside")) {
        must(store_->import(source_of(archive), spec));
    }
}

EngineFixture::~EngineFixture() {
    if (engine_ != nullptr) {
        for (const engine::Snapshot &one : engine_->list({.all = true}).value_or(std::vector<engine::Snapshot>())) {
            (void)engine_->remove(one.id, {.force = true, .volumes = true}); // the test has said what was wrong
        }
    }
    close();
    testing::end_orphans(); // of an engine that the test could not open again
    (void)umount2(root().c_str(), MNT_DETACH);
}

engine::Settings EngineFixture::settings() const {
    engine::Settings settings;
    settings.data_root = root() / "data";
    settings.run_root = root() / "run";
    settings.oci_program = runtime;
    settings.monitor_program = monitor;
    settings.cgroups = false;
    settings.loopback_cgroup = loopback_;
    return settings;
}

void EngineFixture::open() {
    store_warnings_.clear();
    store_ = must(image::ImageStore::open(
        {.root = root() / "data", .containers = {}, .event = {}, .warn = [this](const std::string &text) {
             store_warnings_.push_back(text);
         }}));
    engine::Settings given = settings();
    std::map<std::string, Fd> inherited;
    if (tell_.is_open()) {
        keep(given);
        take_kept();
        for (const auto &[name, fd] : kept_) {
            inherited.emplace(name, must(fd.duplicate()));
        }
    }
    engine_ = must(engine::Engine::open(std::move(given), *store_, std::move(inherited)));
}

// As with systemd, what was sent arrives, whatever becomes of the sender.
void EngineFixture::keep(engine::Settings &settings) const {
    settings.keep_descriptor = [this](const std::string &name, BorrowedFd fd) {
        (void)send_with_fd(tell_, name.data(), name.size(), fd.get());
    };
    settings.forget_descriptor = [this](const std::string &name) {
        (void)send_with_fd(tell_, name.data(), name.size(), -1);
    };
}

void EngineFixture::take_kept() {
    const auto is_same_file = [](const Fd &one, const Fd &other) {
        return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, one.get(), other.get()) == 0;
    };
    pollfd waiting{.fd = told_.get(), .events = POLLIN, .revents = 0};
    while (poll(&waiting, 1, 0) == 1) {
        std::array<char, 256> name{};
        int passed = -1;
        const ssize_t size = receive_with_fd(told_, name.data(), name.size(), &passed);
        REQUIRE(size > 0);
        Fd fd(passed);
        const std::string of(name.data(), static_cast<std::size_t>(size));
        if (!fd.is_open()) {
            kept_.erase(of);
        } else if (std::ranges::none_of(kept_, [&](const auto &one) { return is_same_file(one.second, fd); })) {
            kept_.insert_or_assign(of, std::move(fd)); // one that is there already systemd does not take again
        }
    }
}

std::size_t EngineFixture::kept() {
    take_kept();
    return kept_.size();
}

void EngineFixture::close() {
    engine_.reset();
    store_.reset();
}

engine::CreateRequest EngineFixture::request(const std::vector<std::string> &words, const std::string &name) const {
    engine::CreateRequest request;
    request.name = name;
    request.config.image = "inside";
    request.config.entrypoint = engine::Texts{"/inside"};
    request.config.cmd = words;
    request.host.network_mode = "none";
    return request;
}

std::string EngineFixture::start(const std::vector<std::string> &words, const std::string &name) {
    const std::string id = must(engine_->create(request(words, name))).id;
    must(engine_->start(id));
    if (!words.empty() && words.front() == "wait") {
        until_it_listens(id);
    }
    return id;
}

// As process 1 of its namespace a program does not see SIGTERM before it has a handler.
void EngineFixture::until_it_listens(const std::string &container) {
    const std::string file = "/proc/" + std::to_string(must(engine_->inspect(container)).state.pid) + "/status";
    for (int i = 0; i < 1000; ++i) {
        const std::string status = must(read_file(file));
        const std::size_t at = status.find("\nSigCgt:\t");
        REQUIRE(at != std::string::npos);
        if ((std::stoull(status.substr(at + 9), nullptr, 16) >> (SIGTERM - 1) & 1) != 0) {
            return;
        }
        usleep(10'000);
    }
    FAIL("the program in " << container << " does not catch SIGTERM");
}

int EngineFixture::run(const std::vector<std::string> &words, const std::string &name) {
    return must(engine_->wait(start(words, name), engine::WaitCondition::kNotRunning)).exit_code;
}

int EngineFixture::exec(const std::string &container, const std::vector<std::string> &words, std::string *output) {
    engine::ExecConfig config;
    config.attach_stdout = config.attach_stderr = true;
    config.cmd = words;
    const std::string id = must(engine_->create_exec(container, config));
    Result<std::optional<Fd>> stream = engine_->start_exec(id, false);
    if (!stream) {
        if (output != nullptr) {
            *output = stream.error().message;
        }
        return must(engine_->inspect_exec(id)).exit_code.value_or(-1);
    }
    const std::string said = must(read_all(**stream, "exec"));
    if (output != nullptr) {
        *output = said;
    }
    // Whoever asks when the stream has ended finds the code.
    const engine::ExecState ended = must(engine_->inspect_exec(id));
    REQUIRE_FALSE(ended.running);
    return ended.exit_code.value_or(-1);
}

std::string EngineFixture::output(const std::string &container, bool errors) {
    std::string text;
    engine::LogQuery query;
    query.standard_output = !errors;
    query.standard_error = errors;
    must(engine_->logs(container, query, [&text](const engine::LogEntry &entry) -> Status {
        text += entry.line;
        return {};
    }));
    return text;
}

std::string EngineFixture::archive(const std::vector<std::pair<std::string, std::string>> &files) const {
    std::string archive;
    image::TarWriter writer = must(image::TarWriter::open([&archive](std::string_view bytes) -> Status {
        archive += bytes;
        return {};
    }));
    for (const auto &[path, content] : files) {
        image::TarEntry entry;
        entry.path = path;
        entry.size = content.size();
        must(writer.add_file(entry, content));
    }
    must(writer.close());
    return archive;
}

Status EngineFixture::copy_in(const std::string &container, const std::string &path, const std::string &archive) {
    return engine_->archive_in(container, path, source_of(archive), {});
}

Result<std::string> EngineFixture::copy_out(const std::string &container, const std::string &path) {
    std::string archive;
    TRY(engine_->archive_out(
        container, path, [](const engine::PathStat &) -> Status { return {}; },
        [&archive](std::string_view bytes) -> Status {
            archive += bytes;
            return {};
        }));
    image::TarReader reader = TRY(image::TarReader::open(source_of(archive), "archive"));
    image::TarEntry entry;
    if (!TRY(reader.next(entry))) {
        return fail(ENOENT, "empty archive");
    }
    return entry.kind == image::EntryKind::kFile ? reader.text(1 << 20)
                                                 : Result<std::string>("not a file: " + entry.target);
}

void EngineFixture::leave_room(std::uint64_t bytes) {
    struct statvfs now{};
    REQUIRE(statvfs(root().c_str(), &now) == 0);
    const std::uint64_t used = (now.f_blocks - now.f_bfree) * now.f_frsize;
    const std::string options = "mode=0700,size=" + std::to_string(used + bytes);
    REQUIRE(mount("tmpfs", root().c_str(), "tmpfs", MS_REMOUNT, options.c_str()) == 0);
}

Result<image::Digest> EngineFixture::import(const std::string &name, std::size_t bytes) {
    const std::string content = archive({{"content", std::string(bytes, 'x')}});
    image::ImportSpec spec;
    spec.name = must(image::Reference::parse_with_default_tag(name));
    return store_->import(source_of(content), spec);
}

std::vector<std::string> EngineFixture::warnings() const {
    std::vector<std::string> all = engine_->warnings();
    all.insert(all.end(), store_warnings_.begin(), store_warnings_.end());
    return all;
}

std::vector<std::string> EngineFixture::leftovers() const {
    std::vector<std::string> found;
    const std::string mounts = must(read_file("/proc/self/mounts"));
    for (const char *part : {"/run/containers/", "/data/containers/"}) {
        if (mounts.contains(root().string() + part)) {
            found.push_back("a mount below " + root().string() + part);
        }
    }
    for (const char *part : {"data/containers", "run/containers", "run/monitor", "run/oci"}) {
        std::error_code error;
        for (const fs::directory_entry &entry : fs::directory_iterator(root() / part, error)) {
            if (!entry.path().filename().string().starts_with("~")) { // the runtime's cache of filters
                found.push_back(entry.path());
            }
        }
    }
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        const std::string line = read_file(entry.path() / "cmdline").value_or("");
        if (line.starts_with("/inside") || line.contains(root().string())) {
            found.push_back("process " + name + ": " + line.c_str());
        }
    }
    return found;
}

std::vector<pid_t> own_monitors() {
    std::vector<pid_t> found;
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        const std::string status = read_file(entry.path() / "status").value_or("");
        if (status.starts_with("Name:\tballast-monito") && status.contains(std::format("\nPPid:\t{}\n", getpid()))) {
            found.push_back(std::stoi(name));
        }
    }
    return found;
}

std::string lines(int count, const std::string &end) {
    std::string text;
    for (int number = 1; number <= count; number++) {
        text += std::to_string(number) + end;
    }
    return text;
}

} // namespace ballast::engine_tests
