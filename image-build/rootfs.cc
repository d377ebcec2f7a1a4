// SPDX-License-Identifier: Apache-2.0
#include "image-build/rootfs.h"

#include <algorithm>
#include <format>
#include <glob.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/subprocess.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

// Documentation never enters the image; licences do, because they must.
constexpr std::string_view kDpkgOptions[] = {
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/bug/*",
    "path-exclude=/usr/share/bash-completion/*",
    "path-exclude=/usr/share/zsh/*",
    "path-exclude=/usr/share/fish/*",
};

// What packages leave behind that differs from build to build or belongs to a running machine.
constexpr const char *kLeftovers[] = {
    "etc/.pwd.lock",
    "etc/*-",
    "etc/machine-id",
    "etc/hostname",
    "etc/ssh/ssh_host_*",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/triggers",
    "var/cache/*",
    "var/log/*",
    "var/lib/apt/*",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/backups/*",
    "var/lib/ucf/*",
    "var/lib/dracut",
    "run/*",
    "tmp/*",
};

// A flat apt repository of hard links (apt-ftparchive would follow soft ones) to exactly the locked packages: the only
// versions that mmdebstrap can see.
Status make_repository(const RootfsInputs &inputs, const fs::path &repository, const fs::path &log) {
    TRY(make_directories(repository));
    for (const Package &package : inputs.packages->packages) {
        std::error_code error;
        const fs::path link = repository / package.file_name();
        if (!package.boot_only && !fs::exists(link)) {
            fs::create_hard_link(inputs.source->file_of(package), link, error);
        }
        if (error) {
            return fail(error.value(), "link " + link.string() + ": " + error.message());
        }
    }
    std::string index =
        TRY(run_checked({.arguments = {"apt-ftparchive", "packages", "."}, .directory = repository, .log = log}));
    TRY(write_file(repository / "Packages", index));
    std::string release =
        TRY(run_checked({.arguments = {"apt-ftparchive", "-o",
                                       "APT::FTPArchive::Release::Codename=" + inputs.manifest->suite, "release", "."},
                         .directory = repository,
                         .log = log}));
    return write_file(repository / "Release", release);
}

Status remove_globs(const fs::path &tree, const std::string &pattern) {
    glob_t found{};
    const int status = ::glob((tree / pattern).c_str(), GLOB_NOSORT | GLOB_BRACE, nullptr, &found);
    Status outcome;
    for (std::size_t i = 0; status == 0 && i < found.gl_pathc && outcome.has_value(); ++i) {
        outcome = remove_tree(found.gl_pathv[i]);
    }
    globfree(&found);
    if (status != 0 && status != GLOB_NOMATCH) {
        return fail(EIO, "cannot search the tree for " + quote(pattern));
    }
    return outcome;
}

// OSTree sets every modification time to zero, which makes a timestamp-checked .pyc stale: compile unchecked ones.
Status compile_python(const fs::path &tree, const fs::path &log) {
    if (!fs::exists(tree / "usr/bin/python3")) {
        return {};
    }
    std::vector<fs::path> stale;
    for (const auto &entry : fs::recursive_directory_iterator(tree / "usr")) {
        if (entry.is_directory() && !entry.is_symlink() && entry.path().filename() == "__pycache__") {
            stale.push_back(entry.path());
        }
    }
    for (const fs::path &directory : stale) {
        TRY(remove_tree(directory));
    }
    // One process and a fixed hash seed: the order of marshalled objects is part of the bytes. -B and -f: what the
    // compiler itself imports would be written with timestamps first, and then count as done.
    return run_in_tree(tree,
                       {"env", "PYTHONHASHSEED=0", "python3", "-B", "-m", "compileall", "-f", "-q", "-j1",
                        "--invalidation-mode", "unchecked-hash", "/usr/lib/python3", "/usr/lib/python3.13"},
                       log);
}

// Debian compresses kernel modules with xz, whose decompression is a good part of a boot; zstd's is not.
Status recompress_modules(const fs::path &tree, const fs::path &log) {
    Command compress{.arguments = {"zstd", "--quiet", "-19", "--rm"}, .log = log};
    const std::vector<std::string> modules = TRY(decompress_modules(tree, log));
    compress.arguments.insert(compress.arguments.end(), modules.begin(), modules.end());
    if (!modules.empty()) {
        (void)TRY(run_checked(compress));
    }
    return {};
}

} // namespace

Result<bool> CachedArchive::usable() const {
    if (!fs::exists(file_) || !fs::exists(checksum_file())) {
        return false;
    }
    const std::string want = TRY(read_file(checksum_file()));
    if (TRY(sha256_file(file_)) == want) {
        return true;
    }
    log::warning("cached " + file_.string() + " is damaged: it is removed and made again");
    fs::remove(checksum_file());
    fs::remove(file_);
    return false;
}

Status CachedArchive::store(const fs::path &made) const {
    TRY(make_directories(file_.parent_path()));
    const std::string digest = TRY(sha256_file(made));
    std::error_code error;
    fs::remove(checksum_file(), error);
    fs::rename(made, file_, error);
    if (error) {
        return fail(error.value(), "rename " + made.string() + ": " + error.message());
    }
    // The checksum comes last: without it the archive does not count.
    return replace_file(checksum_file(), digest);
}

Status CachedArchive::unpack(const fs::path &directory, const fs::path &log) const {
    (void)TRY(run_checked(
        {.arguments = {"tar", "--extract", "--file=" + file_.string(), "--directory=" + directory.string(), "--xattrs",
                       "--xattrs-include=*", "--acls", "--numeric-owner", "--preserve-permissions"},
         .log = log}));
    return {};
}

Status CachedArchive::pack(const fs::path &directory, const fs::path &archive, long long epoch, const fs::path &log) {
    (void)TRY(run_checked(
        {.arguments = {"tar", "--create", "--file=" + archive.string(), "--directory=" + directory.string(), "--xattrs",
                       "--xattrs-include=*", "--acls", "--numeric-owner", "--sort=name", "--format=posix",
                       "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
                       std::format("--mtime=@{}", epoch), "."},
         .log = log}));
    return {};
}

Status run_in_tree(const fs::path &tree, const std::vector<std::string> &arguments, const fs::path &log) {
    static const char script[] = "set -e; root=$1; shift; mount --make-rprivate /; mount --bind \"$root\" \"$root\"; "
                                 "mount -t proc proc \"$root/proc\"; mount --rbind /dev \"$root/dev\"; "
                                 "mount -t tmpfs tmpfs \"$root/tmp\"; exec chroot \"$root\" \"$@\"";
    Command command{.arguments = {"unshare", "--mount", "sh", "-c", script, "sh", tree.string()},
                    .environment = {{"LC_ALL", "C.UTF-8"}, {"DEBIAN_FRONTEND", "noninteractive"}, {"TMPDIR", "/tmp"}},
                    .log = log};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    (void)TRY(run_checked(command));
    return {};
}

Result<std::vector<std::string>> decompress_modules(const fs::path &tree, const fs::path &log) {
    Command decompress{.arguments = {"xz", "--decompress", "--threads=0"}, .log = log};
    std::vector<std::string> modules;
    for (const auto &entry : fs::recursive_directory_iterator(tree / "usr/lib/modules")) {
        const std::string name = entry.path().string();
        if (name.ends_with(".ko.xz")) {
            decompress.arguments.push_back(name);
            modules.push_back(name.substr(0, name.size() - std::string_view(".xz").size()));
        }
    }
    if (!modules.empty()) {
        (void)TRY(run_checked(decompress));
    }
    return modules;
}

Status make_rootfs(const RootfsInputs &inputs, const fs::path &output, const fs::path &log) {
    const fs::path repository = inputs.scratch / "repository";
    TRY(make_repository(inputs, repository, log));
    std::string include;
    for (const Package &package : inputs.packages->packages) {
        if (!package.boot_only) {
            include += (include.empty() ? "" : ",") + package.name;
        }
    }
    Command command{
        .arguments = {"mmdebstrap", "--mode=root", "--variant=essential", "--format=tar", "--include=" + include,
                      "--aptopt=APT::Install-Recommends \"false\"",
                      // Accounts get their fixed numbers before a package can take the next free one.
                      "--essential-hook=systemd-sysusers --root=\"$1\" - <" + inputs.sysusers.string()},
        .environment = {{"SOURCE_DATE_EPOCH", std::to_string(inputs.epoch)}, {"TMPDIR", inputs.scratch.string()}},
        .log = log};
    for (std::string_view option : kDpkgOptions) {
        command.arguments.push_back(std::format("--dpkgopt={}", option));
    }
    command.arguments.insert(command.arguments.end(), {inputs.manifest->suite, output.string(),
                                                       "deb [trusted=yes] copy:" + repository.string() + " ./"});
    (void)TRY(run_checked(command));
    return {};
}

Status compile_apparmor(const fs::path &profiles, const fs::path &tree, const fs::path &log) {
    constexpr const char *kText = "usr/share/ballast/apparmor", *kCompiled = "usr/lib/ballast/apparmor";
    TRY(make_directories(tree / kText));
    TRY(make_directories(tree / kCompiled));
    for (const auto &entry : fs::directory_iterator(profiles)) {
        const std::string name = entry.path().filename();
        TRY(write_file(tree / kText / name, TRY(read_file(entry.path())), 0644));
        // The rules mean what they mean under the interface of AppArmor 3.0, which kernels since then understand: what
        // later ones mediate besides (user namespaces, io_uring) is not denied by being unheard of.
        TRY(run_in_tree(tree,
                        {"apparmor_parser", "--skip-kernel-load", "--skip-cache", "--quiet",
                         "--policy-features=/etc/apparmor.d/abi/3.0", "--kernel-features=/etc/apparmor.d/abi/3.0",
                         std::string("--ofile=/") + kCompiled + "/" + name, std::string("/") + kText + "/" + name},
                        log));
    }
    return {};
}

Status trim_rootfs(const Manifest &manifest, const fs::path &tree, const fs::path &log) {
    TRY(compile_python(tree, log));
    if (!manifest.remove_packages.empty()) {
        // Their removal scripts clean up a running Debian, with tools that go in the same call.
        for (const std::string &package : manifest.remove_packages) {
            for (const char *script : {"prerm", "postrm"}) {
                TRY(remove_tree(tree / "var/lib/dpkg/info" / (package + "." + script)));
                TRY(remove_tree(tree / "var/lib/dpkg/info" / (package + ":amd64." + script)));
            }
        }
        std::vector<std::string> purge{"dpkg", "--purge", "--force-depends", "--force-remove-essential",
                                       "--force-remove-protected"};
        purge.insert(purge.end(), manifest.remove_packages.begin(), manifest.remove_packages.end());
        TRY(run_in_tree(tree, purge, log));
    }
    for (const char *pattern : kLeftovers) {
        TRY(remove_globs(tree, pattern));
    }
    for (const std::string &pattern : manifest.remove_paths) {
        TRY(remove_globs(tree, pattern));
    }
    return recompress_modules(tree, log);
}

} // namespace ballast::image_build
