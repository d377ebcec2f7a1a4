// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/updater/ostree_fixture.h"

#include <cstdlib>

#include "base/subprocess.h"

namespace ballast::updater_test {
namespace {

namespace fs = std::filesystem;

std::string output(std::vector<std::string> arguments) {
    return must(run_checked({.arguments = std::move(arguments)}));
}

void append(std::vector<std::string> &list, const std::vector<std::string> &more) {
    list.insert(list.end(), more.begin(), more.end());
}

// Bytes that neither repeat nor compress.
std::string noise(const std::string &seed, std::size_t size) {
    std::uint64_t state = std::hash<std::string>()(seed) | 1U;
    std::string text;
    while (text.size() < size) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        text += static_cast<char>(state & 0xffU);
    }
    return text;
}

} // namespace

void command(std::vector<std::string> arguments) { (void)output(std::move(arguments)); }

SigningHome::SigningHome(const std::string &name)
    : home_(must(TemporaryDirectory::create(fs::temp_directory_path(), "gpg-"))) {
    const std::string home = home_.path();
    command({"gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", name,
             "ed25519", "sign", "never"});
    const std::string keys = output({"gpg", "--homedir", home, "--with-colons", "--list-secret-keys"});
    const std::size_t line = keys.find("\nfpr:") + 1;
    const std::size_t end = keys.find(":\n", line);
    const std::size_t start = keys.rfind(':', end - 1) + 1;
    fingerprint_ = keys.substr(start, end - start);
}

std::vector<std::string> SigningHome::options() const {
    return {"--gpg-homedir=" + home_.path().string(), "--gpg-sign=" + fingerprint_};
}

std::string SigningHome::public_key() const {
    return output({"gpg", "--homedir", home_.path(), "--export", fingerprint_});
}

World::World() : scratch_(must(TemporaryDirectory::create(fs::temp_directory_path(), "ballast-updater-"))), key_("us") {
    ::setenv("OSTREE_GRUB2_EXEC", BALLAST_BOOT_ENTRIES, 1);
    ::setenv("OSTREE_SYSROOT_DEBUG", "mutable-deployments", 1);
    const fs::path tree = scratch_.path() / "tree";
    for (const char *directory : {"usr/lib/modules/6.12.0/", "usr/etc", "usr/share", "sysroot", "boot", "dev", "proc",
                                  "run", "sys", "tmp", "var"}) {
        fs::create_directories(tree / directory);
    }
    fs::create_symlink("sysroot/ostree", tree / "ostree");
    for (const char *name : {"bin", "lib", "lib64", "sbin"}) {
        fs::create_symlink(std::string("usr/") + name, tree / name);
    }
    must(write_file(tree / "usr/lib/os-release", "ID=ballast\nPRETTY_NAME=\"Ballast\"\n"));
    must(write_file(tree / "usr/lib/modules/6.12.0/vmlinuz", "kernel"));
    must(write_file(tree / "usr/lib/modules/6.12.0/initramfs.img", "initramfs"));
    command({"ostree", "init", "--mode=archive", "--repo=" + repository().string()});
    const std::string first = commit("1");

    fs::create_directories(root() / "boot/grub2");
    must(write_file(root() / "boot/grub2/grub.cfg", "# fixed\n")); // libostree calls the generator because of it
    command({"ostree", "admin", "init-fs", root()});
    command({"ostree", "admin", "--sysroot=" + root().string(), "os-init", "ballast"});
    command({"ostree", "pull-local", "--repo=" + (root() / "ostree/repo").string(), repository(), first});
    must(open().deploy({.checksum = first,
                        .refspec = std::string("ballast:") + kRef,
                        .kernel_arguments = {.append = {"quiet", "console=tty0"}, .remove = {}, .replace = {}}}));
    must(write_file(root() / "ostree/repo/ballast.trustedkeys.gpg", key_.public_key()));
    server_ = must(FileServer::start(scratch_.path()));
}

std::string World::commit(const CommitOptions &options) {
    const fs::path tree = scratch_.path() / "tree";
    for (int number = 0; number < 8; number++) {
        const std::string name = options.version + "-" + std::to_string(number);
        must(write_file(tree / "usr/share" / name, noise(name, 20'000)));
    }
    must(write_file(tree / "usr/lib/version", options.version));
    std::vector<std::string> arguments{"ostree",
                                       "commit",
                                       "--repo=" + repository().string(),
                                       "--branch=" + options.ref,
                                       "--tree=dir=" + tree.string(),
                                       "--generate-sizes",
                                       "--owner-uid=0",
                                       "--owner-gid=0",
                                       "--timestamp=@" + std::to_string(options.timestamp),
                                       "--add-metadata-string=version=" + options.version,
                                       "--add-metadata=ballast.boot-bytes=uint64 4096"};
    if (options.key != nullptr) {
        append(arguments, options.key->options());
    }
    std::string checksum = output(arguments);
    checksum.resize(checksum.find('\n'));
    renew_summary(&key_);
    return checksum;
}

std::string World::commit(const std::string &version) {
    const std::int64_t later = std::strtol(version.c_str(), nullptr, 10);
    return commit({.version = version, .timestamp = kNow - 1000 + later, .key = &key_});
}

void World::renew_summary(const SigningHome *key, std::optional<std::int64_t> expires) {
    std::vector<std::string> arguments{"ostree", "summary", "--update", "--repo=" + repository().string()};
    fs::remove(repository() / "summary.sig");
    if (key != nullptr) {
        append(arguments, key->options());
    }
    if (expires) {
        arguments.push_back("--add-metadata=ballast.expires=int64 " + std::to_string(*expires));
    }
    command(arguments);
}

updater::Sysroot World::open() const {
    return must(updater::Sysroot::open({.sysroot = root(), .run = scratch_.path() / "run", .stateroot = "ballast"}));
}

updater::Source World::source() const {
    updater::Source source;
    source.urls = {"http://127.0.0.1:" + std::to_string(server_->port()) + "/repo"};
    return source;
}

std::vector<std::string> World::versions() const {
    std::vector<std::string> versions;
    for (const updater::Deployment &one : must(open().deployments())) {
        versions.push_back(one.commit.version);
    }
    return versions;
}

std::string World::boot_menu() const { return must(read_file(root() / "boot/loader/grub.cfg")); }

} // namespace ballast::updater_test
