// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/runtime/oci_fixture.h"

#include <thread>

namespace ballast::oci_tests {
namespace {

namespace fs = std::filesystem;

Json plain_config() {
    return Json::parse(R"({
        "ociVersion": "1.3.0",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": [], "env": ["PATH=/bin", "NAME=value"], "cwd": "/",
            "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
            "noNewPrivileges": true
        },
        "root": {"path": "rootfs"},
        "hostname": "inside",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}
        ],
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}],
            "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]
        }
    })");
}

} // namespace

OciFixture::OciFixture() {
    must(make_directories(bundle() / "rootfs/bin"));
    fs::copy_file(BALLAST_INSIDE_PROGRAM, bundle() / "rootfs/bin/inside");
}

OciFixture::~OciFixture() {
    std::error_code none;
    for (const auto &entry : fs::directory_iterator(root(), none)) {
        (void)oci({"delete", "--force", entry.path().filename().string()}); // the test has said what it had to
    }
}

void OciFixture::configure(const std::vector<std::string> &words, const std::function<void(Json &)> &change) const {
    Json config = plain_config();
    config["process"]["args"] = words;
    config["process"]["args"].insert(config["process"]["args"].begin(), "inside");
    if (change) {
        change(config);
    }
    write_config(config.dump());
}

Command OciFixture::command(const std::vector<std::string> &words) const {
    Command command{.arguments = {BALLAST_OCI_PROGRAM, "--root", root().string(), "--cgroup-manager", "disabled"},
                    .timeout = std::chrono::seconds(60)};
    command.arguments.insert(command.arguments.end(), words.begin(), words.end());
    if (rooted_) {
        command.arguments.insert(command.arguments.begin(), {BALLAST_INSIDE_PROGRAM, "rooted"});
    }
    return command;
}

Completed OciFixture::create(const std::string &id, const std::vector<std::string> &options) const {
    // Its streams become the container's, which outlives it: with pipes run() would wait for the container.
    std::vector<std::string> words{"create", "--bundle", bundle().string()};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(id);
    Command one = command(words);
    one.log = directory() / ("log." + id);
    Completed completed = must(ballast::run(one));
    completed.errors = read_file(one.log).value_or("");
    return completed;
}

std::string OciFixture::status(const std::string &id) const {
    const Completed completed = oci({"state", id});
    return completed.status == 0 ? Json::parse(completed.output)["status"].get<std::string>() : "";
}

bool OciFixture::becomes(const std::string &wanted, const std::string &id) const {
    for (int i = 0; i < 500 && status(id) != wanted; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return status(id) == wanted;
}

void OciFixture::check_nothing_left() const {
    std::error_code none;
    for (const auto &entry : fs::directory_iterator(root(), none)) {
        INFO(entry.path());
        CHECK(entry.path().filename() == "~seccomp");
    }
    for (const auto &entry : fs::directory_iterator("/proc")) {
        const std::string line = read_file(entry.path() / "cmdline").value_or("");
        INFO(entry.path() << " " << line);
        CHECK_FALSE(line.contains(directory().string()));
    }
    CHECK_FALSE(must(read_file("/proc/self/mountinfo")).contains(directory().string()));
}

} // namespace ballast::oci_tests
