// SPDX-License-Identifier: Apache-2.0
#include "image-build/image.h"

#include <algorithm>
#include <cstdio>
#include <format>
#include <nlohmann/json.hpp>
#include <sys/statvfs.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "image-build/boot_loader.h"
#include "image-build/disk.h"
#include "image-build/formats.h"
#include "image-build/initramfs.h"
#include "image-build/manifest.h"
#include "image-build/ostree.h"
#include "image-build/package_set.h"
#include "image-build/release_info.h"
#include "image-build/rootfs.h"
#include "image-build/sbom.h"
#include "image-build/signing.h"
#include "image-build/size_report.h"
#include "image-build/stage.h"
#include "image-build/tree.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

// Raised by hand when the code that makes a cached stage changes what comes out of it: all of them, or one alone.
constexpr std::string_view kRecipe = "3";
constexpr std::string_view kTrimRecipe = "2";
constexpr std::string_view kInitramfsRecipe = "2";
// Of files in the cache, which serve every commit.
constexpr long long kCacheEpoch = 0;
constexpr std::uint64_t kFreeBytesNeeded = 6ULL << 30;
constexpr std::size_t kCachedArchivesKept = 6;

// What a build is made of and where it works.
struct Build {
    ImageOptions options;
    Manifest manifest;
    Release release;
    SigningKeys keys;
    PackageSet packages;
    std::vector<Format> formats;
    fs::path logs, scratch, images;
    std::string rootfs_key, trimmed_key, initramfs_key;

    fs::path os(const char *file) const { return options.source / "os" / file; }
    fs::path overlay() const { return options.source / "rootfs"; }
    std::string name() const { return "ballast-" + manifest.variant; }
    fs::path artifact(const std::string &extension) const { return images / (name() + extension); }
    std::string ref() const {
        std::string ref = manifest.ref;
        for (const auto &[from, to] :
             {std::pair<std::string, std::string>("{channel}", options.channel), {"{variant}", manifest.variant}}) {
            if (const std::size_t at = ref.find(from); at != std::string::npos) {
                ref.replace(at, from.size(), to);
            }
        }
        return ref;
    }
};

Status check_free_space(const fs::path &directory) {
    struct statvfs status{};
    if (::statvfs(directory.c_str(), &status) != 0) {
        return fail_errno("ask for the free space of " + directory.string());
    }
    const std::uint64_t bytes = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    if (bytes < kFreeBytesNeeded) {
        return fail(ENOSPC,
                    std::format("{} has {:.1f} GiB free and a build needs {} GiB: make room, or put the checkout or "
                                "BALLAST_CACHE on a larger disk",
                                directory.string(), static_cast<double>(bytes) / (1ULL << 30), kFreeBytesNeeded >> 30));
    }
    return {};
}

// Names, links, contents and executable bits of a whole directory: what git keeps and the tree takes over, so that the
// umask of a checkout changes nothing.
Result<std::string> digest_of_tree(const fs::path &directory) {
    std::vector<std::string> lines;
    for (const auto &entry : fs::recursive_directory_iterator(directory)) {
        const fs::file_status status = entry.symlink_status();
        std::string content = fs::is_symlink(status)     ? fs::read_symlink(entry.path()).string()
                              : fs::is_directory(status) ? "directory"
                                                         : TRY(sha256_file(entry.path()));
        const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
        lines.push_back(std::format("{} {} {}\n", entry.path().lexically_relative(directory).string(),
                                    executable ? "x" : "-", content));
    }
    std::ranges::sort(lines);
    std::string text;
    for (const std::string &line : lines) {
        text += line;
    }
    return sha256(text);
}

std::string digest_of(const std::vector<std::string> &words) {
    std::string text;
    for (const std::string &word : words) {
        text += word + '\n';
    }
    return sha256(text);
}

Status choose_packages(Build &build) {
    PackageSource source = TRY(PackageSource::open(build.options.cache, build.manifest.suite, build.options.mirror));
    std::string warning;
    TRY(stage<void>("packages", build.logs, [&](Stage &stage) -> Status {
        if (build.options.locked.empty()) {
            TRY(source.update(stage.log(), warning));
            build.packages = TRY(source.resolve(build.manifest));
        } else {
            build.packages = TRY(PackageSet::read_lock(build.options.locked));
            if (!TRY(source.missing(build.packages)).empty()) {
                // Without lists the mirror's packages cannot be found; what is missing in the end is named by fetch().
                const Status updated = source.update(stage.log(), warning);
                warning = updated.has_value() ? warning : updated.error().message;
            }
        }
        return source.fetch(build.packages, stage);
    }));
    if (!warning.empty()) {
        log::warning(warning);
    }
    const std::string sysusers = TRY(read_file(build.os("sysusers.conf")));
    build.rootfs_key = digest_of({std::string(kRecipe), build.manifest.suite, build.packages.lock_text(), sysusers});
    std::vector<std::string> trim{build.rootfs_key, std::string(kTrimRecipe), "packages"};
    trim.insert(trim.end(), build.manifest.remove_packages.begin(), build.manifest.remove_packages.end());
    trim.emplace_back("paths");
    trim.insert(trim.end(), build.manifest.remove_paths.begin(), build.manifest.remove_paths.end());
    trim.insert(trim.end(), {"apparmor", TRY(digest_of_tree(build.os("apparmor")))});
    build.trimmed_key = digest_of(trim);
    std::vector<std::string> initramfs{build.rootfs_key, std::string(kInitramfsRecipe),
                                       TRY(digest_of_tree(build.overlay())),
                                       TRY(digest_of_tree(build.os("initramfs")))};
    std::error_code error;
    if (const fs::path program = build.options.programs / kInitramfsProgram; fs::exists(program, error)) {
        initramfs.push_back(TRY(sha256_file(program)));
    }
    initramfs.insert(initramfs.end(), build.manifest.initramfs_modules.begin(), build.manifest.initramfs_modules.end());
    initramfs.emplace_back("drivers");
    initramfs.insert(initramfs.end(), build.manifest.initramfs_drivers.begin(), build.manifest.initramfs_drivers.end());
    build.initramfs_key = digest_of(initramfs);
    return {};
}

// Old archives go, the most lately used stay.
void prune_cache(const fs::path &directory) {
    std::vector<std::pair<fs::file_time_type, fs::path>> archives;
    std::error_code ignored; // an archive that another build removed meanwhile is as good as pruned
    for (const auto &entry : fs::directory_iterator(directory, ignored)) {
        if (entry.path().extension() == ".tar") {
            archives.emplace_back(fs::last_write_time(entry.path(), ignored), entry.path());
        }
    }
    std::ranges::sort(archives, std::ranges::greater{});
    for (std::size_t i = kCachedArchivesKept; i < archives.size(); ++i) {
        fs::remove(archives[i].second.string() + ".sha256", ignored);
        fs::remove(archives[i].second, ignored);
    }
}

// The cached archive `kind`/`key`, made by `make` into the given path when it is not there.
Status cached(const Build &build, const std::string &name, const CachedArchive &archive,
              const std::function<Status(Stage &, const fs::path &)> &make) {
    if (!build.options.rebuild && TRY(archive.usable())) {
        fs::last_write_time(archive.file(), fs::file_time_type::clock::now());
        return {};
    }
    TRY(make_directories(archive.file().parent_path()));
    TRY(stage<void>(name, build.logs, [&](Stage &stage) -> Status {
        const TemporaryDirectory directory = TRY(TemporaryDirectory::create(archive.file().parent_path(), "partial."));
        TRY(make(stage, directory.path()));
        return archive.store(directory.path() / "made.tar");
    }));
    prune_cache(archive.file().parent_path());
    return {};
}

CachedArchive rootfs_archive(const Build &build) { return {build.options.cache, "rootfs", build.rootfs_key}; }
CachedArchive trimmed_archive(const Build &build) { return {build.options.cache, "trimmed", build.trimmed_key}; }
CachedArchive initramfs_archive(const Build &build) { return {build.options.cache, "initramfs", build.initramfs_key}; }

Status make_cached_stages(const Build &build) {
    const PackageSource source =
        TRY(PackageSource::open(build.options.cache, build.manifest.suite, build.options.mirror));
    TRY(cached(build, "root file system", rootfs_archive(build), [&](Stage &stage, const fs::path &directory) {
        return make_rootfs({.manifest = &build.manifest,
                            .packages = &build.packages,
                            .source = &source,
                            .sysusers = build.os("sysusers.conf"),
                            .scratch = directory,
                            .epoch = kCacheEpoch},
                           directory / "made.tar", stage.log());
    }));
    TRY(cached(build, "trimming", trimmed_archive(build), [&](Stage &stage, const fs::path &directory) -> Status {
        const fs::path tree = directory / "tree";
        TRY(make_directories(tree));
        TRY(rootfs_archive(build).unpack(tree, stage.log()));
        TRY(compile_apparmor(build.os("apparmor"), tree, stage.log()));
        TRY(trim_rootfs(build.manifest, tree, stage.log()));
        return CachedArchive::pack(tree, directory / "made.tar", kCacheEpoch, stage.log());
    }));
    return cached(build, "initramfs", initramfs_archive(build), [&](Stage &stage, const fs::path &directory) -> Status {
        const fs::path tree = directory / "tree";
        TRY(make_directories(tree));
        TRY(rootfs_archive(build).unpack(tree, stage.log()));
        TRY(lay_over(build.overlay(), tree));
        return make_initramfs(build.manifest, build.os("initramfs"), build.options.programs, tree, kCacheEpoch,
                              directory / "made.tar", stage.log());
    });
}

// What the commit takes of /boot on a machine.
Result<std::uint64_t> boot_bytes(const fs::path &tree) {
    const fs::path modules = tree / "usr/lib/modules" / TRY(kernel_release(tree));
    std::error_code error;
    std::uint64_t bytes = 0;
    for (const char *file : {"vmlinuz", "initramfs.img"}) {
        bytes += fs::file_size(modules / file, error);
        if (error) {
            return fail(error.value(), "measure " + (modules / file).string() + ": " + error.message());
        }
    }
    return bytes;
}

Result<std::string> make_commit(const Build &build, const fs::path &tree, const fs::path &boot_files) {
    TRY(stage<void>("tree", build.logs, [&](Stage &stage) -> Status {
        const PackageSource source =
            TRY(PackageSource::open(build.options.cache, build.manifest.suite, build.options.mirror));
        TRY(make_directories(tree));
        TRY(trimmed_archive(build).unpack(tree, stage.log()));
        TRY(make_boot_files(build.packages, source, build.scratch, boot_files, stage.log()));
        TRY(write_file(build.scratch / "sizes.txt", TRY(measure(tree)).text(25)));
        const std::string status = TRY(read_file(tree / "var/lib/dpkg/status"));
        TRY(write_file(build.scratch / "dpkg-status", status));
        const fs::path lock = build.scratch / "packages.lock";
        TRY(write_file(lock, build.packages.lock_text()));
        return make_tree({.manifest = &build.manifest,
                          .release = &build.release,
                          .overlay = build.overlay(),
                          .programs = build.options.programs,
                          .boot_files = boot_files,
                          .initramfs = initramfs_archive(build).file(),
                          .sysusers = build.os("sysusers.conf"),
                          .lock = lock},
                         tree, stage.log());
    }));
    return stage<std::string>("commit", build.logs, [&](Stage &) -> Result<std::string> {
        const fs::path repository = build.options.output / "repo";
        TRY(make_archive_repository(repository));
        return commit_tree({.repository = repository,
                            .tree = tree,
                            .ref = build.ref(),
                            .release = &build.release,
                            .packages = &build.packages,
                            .keys = &build.keys,
                            .boot_bytes = TRY(boot_bytes(tree))},
                           !build.options.commit_only);
    });
}

Status make_raw_disk(const Build &build, const std::string &checksum, const fs::path &boot_files, const fs::path &raw) {
    return stage<void>("disk", build.logs, [&](Stage &stage) -> Status {
        const fs::path sysroot = build.scratch / "sysroot";
        TRY(make_directories(sysroot / "boot/grub2"));
        // Its presence makes libostree write grub.cfg beside the entries and swap both by one link.
        TRY(write_file(sysroot / "boot/grub2/grub.cfg", ""));
        const std::string deployment =
            TRY(deploy({.sysroot = sysroot,
                        .repository = fs::absolute(build.options.output / "repo"),
                        .ref = build.ref(),
                        .checksum = checksum,
                        .stateroot = build.manifest.stateroot,
                        .kernel_arguments = build.manifest.kernel_arguments,
                        .boot_entries = fs::absolute(build.options.programs / "usr/lib/ballast/ballast-boot-entries"),
                        .trusted_keys = build.keys.public_file}));
        // The machine's own directories exist before the first tmpfiles run, which already writes below /root.
        const fs::path stateroot = sysroot / "ostree/deploy" / build.manifest.stateroot;
        (void)TRY(run_checked({.arguments = {"systemd-tmpfiles", "--create", "--root=" + stateroot.string(), "-"},
                               .input = TRY(read_file(build.overlay() / "usr/lib/tmpfiles.d/ballast.conf")),
                               .log = stage.log()}));
        return make_disk({.manifest = &build.manifest,
                          .sysroot = sysroot,
                          .deployment = deployment,
                          .boot_files = boot_files,
                          .identity = checksum,
                          .epoch = build.release.epoch,
                          .scratch = build.scratch},
                         raw, stage.log());
    });
}

// Gives a finished file of the scratch directory its final name.
Status publish(const fs::path &made, const fs::path &final_name) {
    std::error_code error;
    fs::rename(made, final_name, error);
    if (error) {
        return fail(error.value(), "rename " + made.string() + " to " + final_name.string() + ": " + error.message());
    }
    return {};
}

Status write_artifacts(const Build &build, const std::string &checksum, const fs::path &raw, const std::string &key) {
    std::error_code ignored;
    fs::remove(build.artifact(".build.json"), ignored); // from here on the old set is not whole any more
    TRY(remove_other_formats(build.artifact(""), build.formats));
    TRY(stage<void>("image files", build.logs, [&](Stage &stage) -> Status {
        for (const Format &format : build.formats) {
            const fs::path made = build.scratch / std::format("image{}", format.extension);
            TRY(convert(raw, format, made, stage.log()));
            TRY(publish(made, build.artifact(std::string(format.extension))));
        }
        return {};
    }));
    const std::vector<Package> shipped =
        shipped_packages(build.packages, TRY(read_file(build.scratch / "dpkg-status")));
    TRY(replace_file(build.artifact(".spdx.json"), spdx_document(build.name(), checksum, build.release, shipped)));
    TRY(replace_file(build.artifact(".lock"), build.packages.lock_text()));
    TRY(replace_file(build.artifact(".sizes.txt"), TRY(read_file(build.scratch / "sizes.txt"))));
    TRY(replace_file(build.images / "SHA256SUMS", TRY(checksums(build.images, "ballast-"))));
    const nlohmann::ordered_json record = {{"version", build.release.version},
                                           {"build_id", build.release.build_id},
                                           {"ref", build.ref()},
                                           {"commit", checksum},
                                           {"inputs", key}};
    return replace_file(build.artifact(".build.json"), record.dump(1) + "\n");
}

Result<std::string> key_of(const Build &build) {
    return digest_of({build.trimmed_key, build.initramfs_key, TRY(digest_of_tree(build.options.programs)),
                      TRY(read_file(build.os("manifest.yaml"))), TRY(sha256_file("/proc/self/exe")),
                      build.release.version, build.release.build_id, std::to_string(build.release.epoch),
                      build.options.channel, build.options.formats, digest_of(build.keys.fingerprints)});
}

// True when the files of an earlier build with the same inputs are all there.
bool up_to_date(const Build &build, const std::string &key) {
    const Result<std::string> text = read_file(build.artifact(".build.json"));
    if (!text.has_value()) {
        return false;
    }
    const nlohmann::json record = nlohmann::json::parse(*text, nullptr, false);
    return record.is_object() && record.value("inputs", "") == key &&
           fs::exists(build.options.output / "repo/config") &&
           std::ranges::all_of(build.formats, [&](const Format &format) {
               return fs::exists(build.artifact(std::string(format.extension)));
           });
}

Status build_all(Build &build) {
    TRY(choose_packages(build));
    TRY(make_cached_stages(build));
    const std::string key = TRY(key_of(build));
    if (!build.options.rebuild && !build.options.commit_only && up_to_date(build, key)) {
        std::printf("%s %s is up to date\n", build.name().c_str(), build.release.version.c_str());
        return {};
    }
    const fs::path tree = build.scratch / "tree", boot_files = build.scratch / "boot-files",
                   raw = build.scratch / "disk.raw";
    const std::string checksum = TRY(make_commit(build, tree, boot_files));
    if (build.options.commit_only) {
        std::printf("commit %s\n", checksum.c_str());
        return {};
    }
    TRY(make_raw_disk(build, checksum, boot_files, raw));
    TRY(write_artifacts(build, checksum, raw, key));
    std::printf("%s %s: commit %s\n", build.name().c_str(), build.release.version.c_str(), checksum.c_str());
    return {};
}

} // namespace

Status build_image(const ImageOptions &options) {
    Build build{.options = options,
                .manifest = TRY(Manifest::load(options.source / "os/manifest.yaml", options.variant)),
                .release = {},
                .keys = {},
                .packages = {},
                .formats = TRY(parse_formats(options.formats)),
                .logs = options.output / "logs",
                .scratch = {},
                .images = options.output / "images",
                .rootfs_key = {},
                .trimmed_key = {},
                .initramfs_key = {}};
    build.release = TRY(describe_release(options.source, build.manifest.version_scheme, options.version));
    for (const fs::path &directory : {build.logs, build.images, options.output / "tmp", options.cache}) {
        TRY(make_directories(directory));
    }
    const FileLock lock = TRY(FileLock::acquire(options.output / "lock"));
    TRY(check_free_space(options.output));
    TRY(check_free_space(options.cache));
    // Of builds that were killed: the lock says that nobody works there now.
    for (const auto &entry : fs::directory_iterator(options.output / "tmp")) {
        TRY(remove_tree(entry.path()));
    }
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create(fs::absolute(options.output / "tmp"), "image."));
    build.scratch = scratch.path();
    build.keys = options.key_home.empty()
                     ? TRY(SigningKeys::development(options.cache))
                     : TRY(SigningKeys::of(options.key_home, options.keys, scratch.path() / "ballast.trustedkeys.gpg"));
    return build_all(build);
}

} // namespace ballast::image_build
