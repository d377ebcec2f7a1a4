// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/working_directory.h"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <filesystem>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/isolate/capabilities.h"
#include "runtime/isolate/process.h"
#include "tests/integration/runtime/in_child.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

// A root of its own with /bin of the host in it, entered by chroot(2): enough for what is asked of paths.
class Root {
  public:
    Root() { REQUIRE(chmod(top_.path().c_str(), 0755) == 0); }
    const fs::path &path() const { return top_.path(); }
    Report inside(const std::function<Outcome()> &body) const {
        return in_child([&] {
            if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                (mkdir((path() / "proc").c_str(), 0755) != 0 && errno != EEXIST) ||
                mount("proc", (path() / "proc").c_str(), "proc", 0, nullptr) != 0 || chroot(path().c_str()) != 0 ||
                chdir("/") != 0) {
                return failed_at(Step::kPivotRoot);
            }
            return body();
        });
    }

  private:
    TemporaryDirectory top_ = scratch();
};

ProcessPlan in_directory(const std::string &cwd, uid_t uid = 0) {
    oci::Process process = process_of("true");
    process.cwd = cwd;
    process.user.uid = uid;
    process.user.gid = uid;
    return must(plan_process(process, nullptr));
}

TEST_CASE("a working directory that is a descriptor of the host's is refused", "[process][root]") {
    need_root();
    const Root root;
    const Fd leaked = must(open_file("/usr", O_PATH | O_DIRECTORY));
    for (const std::string &below : {std::string(), std::string("/bin"), std::string("/../usr")}) {
        const ProcessPlan plan = in_directory("/proc/self/fd/" + std::to_string(leaked.get()) + below);
        const Report report = root.inside([&] { return enter_working_directory(plan); });
        INFO(below);
        CHECK(report.outcome.step == Step::kWorkingDirectoryOutside);
    }
}

TEST_CASE("a link to a directory inside is followed, nothing is made for what is missing", "[process][root]") {
    need_root();
    const Root root;
    fs::create_directory(root.path() / "real");
    fs::create_symlink("/real", root.path() / "link");
    fs::create_symlink("/missing", root.path() / "dangling");
    must(write_file(root.path() / "file", ""));
    for (const auto &[cwd, code] :
         {std::pair("/link", 0), std::pair("/link/new", ENOENT), std::pair("/dangling", ENOENT),
          std::pair("/file", ENOTDIR), std::pair("/file/x", ENOTDIR)}) {
        const ProcessPlan plan = in_directory(cwd);
        const Report report = root.inside([&] { return enter_working_directory(plan); });
        INFO(cwd);
        CHECK(report.outcome.code == code);
    }
    CHECK(fs::is_empty(root.path() / "real"));
}

TEST_CASE("a user may not stay where only root can go, unless root entered first", "[process][root]") {
    need_root();
    const Root root;
    fs::create_directory(root.path() / "private");
    REQUIRE(chmod((root.path() / "private").c_str(), 0700) == 0);
    const ProcessPlan plan = in_directory("/private", kNobody);
    CHECK_FALSE(root.inside([&] { return enter_working_directory(plan); }).outcome.failed());
    const Report late = root.inside([&] {
        CHECK_STEP(apply_credentials(plan));
        return enter_working_directory(plan);
    });
    CHECK(late.outcome.step == Step::kWorkingDirectory);
    CHECK(late.outcome.code == EACCES);
}

TEST_CASE("what only the user may enter is entered as the user, and root is root again after it", "[process][root]") {
    need_root();
    const Root root;
    fs::create_directory(root.path() / "mine");
    REQUIRE(chown((root.path() / "mine").c_str(), kNobody, kNobody) == 0);
    REQUIRE(chmod((root.path() / "mine").c_str(), 0700) == 0);
    const ProcessPlan plan = in_directory("/mine", kNobody);
    const Report report = root.inside([&] {
        // Root without its rights over files, as on a network file system that squashes it.
        const std::uint64_t few = bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_SYS_CHROOT);
        CHECK_STEP(
            set_capabilities({.bounding = 0, .effective = few, .inheritable = 0, .permitted = few, .ambient = 0}));
        CHECK_STEP(enter_working_directory(plan));
        const Fd status(open("/proc/self/status", O_RDONLY));
        std::array<char, 8192> text{};
        (void)!write(STDOUT_FILENO, text.data(),
                     static_cast<std::size_t>(read(status.get(), text.data(), text.size())));
        return done();
    });
    CHECK_FALSE(report.outcome.failed());
    CHECK(status_line(report.text, "Uid") == "0\t0\t0\t0");
    CHECK(status_line(report.text, "Gid") == "0\t0\t0\t0");
}

} // namespace
} // namespace ballast::isolate
