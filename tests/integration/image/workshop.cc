// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/image/workshop.h"

#include <algorithm>

#include "base/file_io.h"

namespace ballast::image_tests {
namespace {

namespace fs = std::filesystem;

// As little as the build's stages agree to work on.
constexpr const char *kManifest = R"(suite: trixie
version: "1.{date}.{time}"
stateroot: tiny
ref: "tiny/{channel}/{variant}"
packages: [dracut, kmod, linux-image-cloud-amd64, zstd]
boot_packages: [grub-efi-amd64-signed, grub-pc-bin, shim-helpers-amd64-signed, shim-signed]
remove_packages: [dracut, dracut-core, perl-base]
remove_paths: [usr/lib/modules/*/kernel]
initramfs_modules: [base]
kernel_arguments: [root=LABEL=root]
disk: {root_mib: 1024}
variants:
  tiny: {name: Tiny}
)";

} // namespace

Workshop::Workshop() : directory_(scratch()) {
    must(make_directories(directory() / "checkout/os/initramfs"));
    must(make_directories(directory() / "checkout/os/apparmor"));
    must(make_directories(directory() / "programs/usr"));
    must(write_file(manifest(), kManifest));
    for (const char *file : {"os/sysusers.conf", "os/initramfs/module-setup.sh"}) {
        fs::copy_file(file, directory() / "checkout" / file); // tests run in the real checkout
    }
    must(make_directories(directory() / "checkout/rootfs/usr/lib/ostree"));
    must(write_file(directory() / "checkout/rootfs/usr/lib/ostree/prepare-root.conf", "[sysroot]\nreadonly=true\n"));
}

Command Workshop::command(std::vector<std::string> options, std::map<std::string, std::string> environment) const {
    Command command{.arguments = {BALLAST_BUILD, "image", "--commit-only", "--source",
                                  (directory() / "checkout").string(), "--programs",
                                  (directory() / "programs").string(), "--output", output().string(), "--cache",
                                  cache().string(), "--version", "1.0"},
                    .environment = {{"SOURCE_DATE_EPOCH", "1700000000"}},
                    .timeout = std::chrono::minutes(15)};
    if (std::ranges::find(options, "--variant") == options.end()) {
        options.insert(options.end(), {"--variant", "tiny"});
    }
    command.arguments.insert(command.arguments.end(), options.begin(), options.end());
    command.environment.merge(environment);
    return command;
}

Completed Workshop::build(std::vector<std::string> options, std::map<std::string, std::string> environment) const {
    return must(run(command(std::move(options), std::move(environment))));
}

void Workshop::change_manifest(const std::string &from, const std::string &to) const {
    std::string text = must(read_file(manifest()));
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    must(write_file(manifest(), text.replace(at, from.size(), to)));
}

void Workshop::borrow_packages() const {
    const fs::path shared = "/var/cache/ballast";
    must(make_directories(cache() / "packages"));
    std::error_code none; // what cannot be borrowed is fetched
    for (const auto &entry : fs::directory_iterator(shared / "packages", none)) {
        if (entry.is_regular_file()) {
            fs::create_hard_link(entry.path(), cache() / "packages" / entry.path().filename(), none);
        }
    }
    fs::copy(shared / "apt", cache() / "apt", fs::copy_options::recursive, none);
}

void check_refused(const Workshop &workshop, const Completed &build, const std::vector<std::string> &words) {
    INFO(build.output << build.errors);
    CHECK(build.status == 1);
    CHECK(build.errors.starts_with("error: "));
    CHECK_FALSE(build.errors.substr(1).contains("\nerror: ")); // one message, with lines of its own indented
    for (const std::string &word : words) {
        INFO("wanted: " << word);
        CHECK(build.errors.contains(word));
    }
    CHECK(files_below(workshop.output() / "images").empty());
    CHECK(files_below(workshop.output() / "tmp").empty());
    CHECK(files_below(workshop.output() / "repo/refs").empty());
    for (const char *stage : {"rootfs", "trimmed", "initramfs"}) {
        CHECK(files_below(workshop.cache() / stage).empty());
    }
}

std::vector<std::string> files_below(const fs::path &directory) {
    std::vector<std::string> files;
    std::error_code none;
    for (const auto &entry : fs::recursive_directory_iterator(directory, none)) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path().lexically_relative(directory).string());
        }
    }
    std::ranges::sort(files);
    return files;
}

} // namespace ballast::image_tests
