// SPDX-License-Identifier: Apache-2.0
// The generator as libostree calls it, on an offline system root as the image builder makes one.
#include <catch2/catch_test_macros.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "updater/boot_entries.h"

namespace ballast::boot_test {
namespace {

namespace fs = std::filesystem;

class Sysroot {
  public:
    Sysroot() : scratch_(TemporaryDirectory::create(fs::temp_directory_path(), "ballast-sysroot-").value()) {
        for (const char *directory :
             {"usr/lib/modules/6.12.0/", "usr/etc", "sysroot", "boot", "dev", "proc", "run", "sys", "tmp", "var"}) {
            fs::create_directories(scratch_.path() / "tree" / directory);
        }
        fs::create_directories(root());
        fs::create_symlink("sysroot/ostree", scratch_.path() / "tree/ostree");
        put("usr/lib/os-release", "ID=ballast\nPRETTY_NAME=\"Ballast\"\n");
        put("usr/lib/modules/6.12.0/vmlinuz", "kernel");
        put("usr/lib/modules/6.12.0/initramfs.img", "initramfs");
        must({"ostree", "admin", "init-fs", root()});
        must({"ostree", "admin", "--sysroot=" + root().string(), "os-init", "ballast"});
        // What makes libostree call the generator and switch by one link.
        fs::create_directories(root() / "boot/grub2");
        REQUIRE(write_file(root() / "boot/grub2/grub.cfg", "# fixed\n").has_value());
    }

    fs::path root() const { return scratch_.path() / "root"; }

    // Commits a tree that differs in userspace only.
    void commit(const std::string &version) {
        put("usr/lib/content", version);
        must({"ostree", "commit", "--repo=" + (root() / "ostree/repo").string(), "--branch=test",
              "--tree=dir=" + (scratch_.path() / "tree").string(), "--add-metadata-string=version=" + version});
    }

    Completed deploy(const std::vector<std::string> &options = {},
                     const std::string &generator = BALLAST_BOOT_ENTRIES) {
        Command command;
        command.arguments = {"ostree", "admin", "--sysroot=" + root().string(), "deploy", "--os=ballast"};
        command.arguments.insert(command.arguments.end(), options.begin(), options.end());
        command.arguments.push_back("test");
        command.environment = {{"OSTREE_GRUB2_EXEC", generator}, {"OSTREE_DEBUG_GRUB2", "1"}};
        return run(command).value();
    }

    std::string menu() const { return read_file(root() / "boot/loader/grub.cfg").value(); }
    std::string loader() const { return fs::read_symlink(root() / "boot/loader"); }

    // The ids in the menu, newest first.
    std::vector<std::string> ids() const {
        std::vector<std::string> found;
        const std::string text = menu();
        constexpr std::string_view kId = " --id ";
        for (std::size_t at = 0; (at = text.find(kId, at)) != std::string::npos;) {
            at += kId.size();
            found.push_back(text.substr(at, text.find(' ', at) - at));
        }
        return found;
    }

  private:
    void put(const fs::path &inside, const std::string &content) {
        REQUIRE(write_file(scratch_.path() / "tree" / inside, content).has_value());
    }

    void must(std::vector<std::string> arguments) {
        Command command;
        command.arguments = std::move(arguments);
        const auto output = run_checked(command);
        INFO((output.has_value() ? *output : output.error().message));
        REQUIRE(output.has_value());
    }

    TemporaryDirectory scratch_;
};

TEST_CASE("libostree's entries become a menu whose ids survive every swap, though all share one kernel",
          "[boot][root]") {
    Sysroot sysroot;
    sysroot.commit("1");
    REQUIRE(sysroot.deploy({"--karg=quiet"}).status == 0);
    REQUIRE(sysroot.ids().size() == 1);
    const std::string first = sysroot.ids().at(0);
    CHECK(updater::is_deployment_id(first));
    CHECK(sysroot.loader() == "loader.1");
    const fs::path deployments = sysroot.root() / "ostree/deploy/ballast/deploy";
    CHECK(fs::is_directory(deployments / first.substr(7, 66))); // "ostree-" CHECKSUM.SERIAL "-RECIPE"

    sysroot.commit("2");
    REQUIRE(sysroot.deploy().status == 0);
    REQUIRE(sysroot.ids().size() == 2);
    const std::string second = sysroot.ids().at(0);
    CHECK(second != first);
    CHECK(sysroot.ids().at(1) == first);
    CHECK(sysroot.loader() == "loader.0");

    sysroot.commit("3");
    REQUIRE(sysroot.deploy().status == 0);
    CHECK(sysroot.ids().at(0) != second);
    CHECK(sysroot.ids().at(1) == second);
    CHECK(sysroot.menu().contains("set ballast_newest=" + sysroot.ids().at(0) + "\n"));

    // Kernel and initramfs of every entry are where the entry says, seen from the boot file system.
    const std::string menu = sysroot.menu();
    std::size_t files = 0;
    for (std::size_t at = 0; (at = menu.find("'/ostree/", at)) != std::string::npos; ++files) {
        const std::string file = menu.substr(at + 2, menu.find('\'', at + 1) - at - 2);
        INFO(file);
        CHECK(fs::is_regular_file(sysroot.root() / "boot" / file));
        ++at;
    }
    CHECK(files == 4);
}

TEST_CASE("the same commit with other kernel arguments is another deployment", "[boot][root]") {
    Sysroot sysroot;
    sysroot.commit("1");
    REQUIRE(sysroot.deploy({"--karg=quiet"}).status == 0);
    const std::string first = sysroot.ids().at(0);
    REQUIRE(sysroot.deploy({"--karg=debug"}).status == 0);
    REQUIRE(sysroot.ids().size() == 2);
    CHECK(sysroot.ids().at(0) != first);
    CHECK(sysroot.ids().at(1) == first);
}

TEST_CASE("a deployment that no menu can be made for fails before anything changed", "[boot][root]") {
    Sysroot sysroot;
    sysroot.commit("1");
    REQUIRE(sysroot.deploy().status == 0);
    const std::string before = sysroot.menu();
    sysroot.commit("2");

    const Completed completed = sysroot.deploy({"--karg=path=a\\b"});
    CHECK(completed.status != 0);
    INFO(completed.errors);
    CHECK(completed.errors.contains("GRUB cannot pass the kernel argument"));
    CHECK(sysroot.menu() == before);
    CHECK(sysroot.loader() == "loader.1");

    CHECK(sysroot.deploy({}, "/bin/false").status != 0);
    CHECK(sysroot.menu() == before);
    CHECK(sysroot.deploy().status == 0);
    CHECK(sysroot.ids().size() == 2);
}

} // namespace
} // namespace ballast::boot_test
