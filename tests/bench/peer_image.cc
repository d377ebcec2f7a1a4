// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peer_image.h"

#include <format>
#include <glob.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/root_dir.h"
#include "base/subprocess.h"
#include "image-build/boot_loader.h"
#include "image-build/disk.h"
#include "image-build/formats.h"
#include "image-build/package_set.h"
#include "image-build/stage.h"
#include "image-build/tree.h"
#include "tests/bench/compressed_size.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;
using image_build::Package;
using image_build::PackageSet;
using image_build::PackageSource;
using image_build::Stage;

// Raised by hand when the code below changes what comes out of it.
constexpr std::string_view kRecipe = "1";
constexpr long long kEpoch = 0;
// With the essential ones, what mmdebstrap calls "minbase" (and apt, which has this priority, too).
constexpr const char *kRequired = "?narrow(?codename(^{0}$),?architecture(amd64),?priority(required))";
// make_disk() looks for grub.cfg in a deployment: on the peer a directory that holds nothing else stands for one.
constexpr const char *kBootConfiguration = "grub-configuration";

constexpr const char *kRecord = "sizes.json";

Contender contender_in(const fs::path &directory) { return {.name = "peer", .disk = directory / "disk.qcow2"}; }

// The work on one peer image.
struct Work {
    const Peer *peer;
    const PackageSource *source;
    const PackageSet *packages;
    fs::path logs;
    fs::path scratch; // in the cache, where hard links to packages can be made
    fs::path tree() const { return scratch / "tree"; }
};

// A flat apt repository of exactly the resolved packages. apt-ftparchive would follow soft links.
Status make_repository(const Work &work, const fs::path &repository, const fs::path &log) {
    TRY(make_directories(repository));
    for (const Package &package : work.packages->packages) {
        const fs::path link = repository / package.file_name();
        std::error_code error;
        if (!package.boot_only && !fs::exists(link)) {
            fs::create_hard_link(work.source->file_of(package), link, error);
        }
        if (error) {
            return fail(error.value(), "link " + link.string() + ": " + error.message());
        }
    }
    const std::string suite = work.peer->manifest.suite;
    for (const auto &[file, arguments] :
         {std::pair<const char *, std::vector<std::string>>("Packages", {"apt-ftparchive", "packages", "."}),
          {"Release", {"apt-ftparchive", "-o", "APT::FTPArchive::Release::Codename=" + suite, "release", "."}}}) {
        const std::string index = TRY(run_checked({.arguments = arguments, .directory = repository, .log = log}));
        TRY(write_file(repository / file, index));
    }
    return {};
}

Status install(const Work &work, const fs::path &log) {
    const fs::path repository = work.scratch / "repository";
    TRY(make_repository(work, repository, log));
    std::string include;
    for (const Package &package : work.packages->packages) {
        if (!package.boot_only) {
            include += (include.empty() ? "" : ",") + package.name;
        }
    }
    (void)TRY(
        run_checked({.arguments = {"mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
                                   "--include=" + include, "--aptopt=APT::Install-Recommends \"false\"",
                                   "--dpkgopt=force-unsafe-io", work.peer->manifest.suite, work.tree().string(),
                                   "deb [trusted=yes] copy:" + repository.string() + " ./"},
                     .environment = {{"SOURCE_DATE_EPOCH", std::to_string(kEpoch)}, {"TMPDIR", work.scratch.string()}},
                     .log = log}));
    return remove_tree(repository);
}

Status remove_matching(const fs::path &tree, const std::string &pattern) {
    glob_t found{};
    const int status = ::glob((tree / pattern).c_str(), GLOB_NOSORT, nullptr, &found);
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

Status configure(const Work &work, const fs::path &log) {
    const fs::path tree = work.tree();
    for (const std::string &pattern : work.peer->manifest.remove_paths) {
        TRY(remove_matching(tree, pattern));
    }
    const RootDir root = TRY(RootDir::open(tree));
    // The only source was the build's own.
    TRY(root.write("etc/apt/sources.list", ""));
    for (const auto &[path, content] : work.peer->files) {
        TRY(root.write(path, content));
    }
    if (!work.peer->manifest.enable_units.empty()) {
        Command enable{.arguments = {"systemctl", "--root=" + tree.string(), "enable"}, .log = log};
        enable.arguments.insert(enable.arguments.end(), work.peer->manifest.enable_units.begin(),
                                work.peer->manifest.enable_units.end());
        (void)TRY(run_checked(enable));
    }
    return {};
}

// Turns the tree into `output`, a compressed qcow2, and returns the size of the compressed raw disk.
Result<std::uint64_t> assemble(const Work &work, const std::string &identity, const fs::path &output,
                               const fs::path &log) {
    const std::string release = TRY(image_build::kernel_release(work.tree()));
    const fs::path boot = work.tree() / kBootConfiguration / "usr/lib/ballast/boot",
                   files = work.scratch / "boot-files";
    TRY(make_directories(boot));
    TRY(write_file(boot / "grub.cfg", work.peer->grub_configuration(release)));
    TRY(image_build::make_boot_files(*work.packages, *work.source, work.scratch, files, log));
    const fs::path raw = work.scratch / "disk.raw";
    TRY(image_build::make_disk({.manifest = &work.peer->manifest,
                                .sysroot = work.tree(),
                                .deployment = kBootConfiguration,
                                .boot_files = files,
                                .identity = identity,
                                .epoch = kEpoch,
                                .scratch = work.scratch},
                               raw, log));
    TRY(image_build::convert(raw, image_build::kFormats[0], output, log));
    return compressed_file(raw, log);
}

// Everything from packages to the disk and the record of its sizes, in `made`.
Status build(const Work &work, const std::string &key, const fs::path &made) {
    TRY(image_build::stage<void>("peer root file system", work.logs, [&](Stage &stage) -> Status {
        TRY(install(work, stage.log()));
        return configure(work, stage.log());
    }));
    Contender contender = contender_in(made);
    TRY(image_build::stage<void>("peer tree", work.logs, [&](Stage &stage) -> Status {
        contender.tree_bytes = TRY(compressed_tree(work.tree(), stage.log()));
        return {};
    }));
    TRY(image_build::stage<void>("peer disk", work.logs, [&](Stage &stage) -> Status {
        contender.disk_bytes = TRY(assemble(work, key, contender.disk, stage.log()));
        return {};
    }));
    return record_sizes(contender, made / kRecord);
}

Result<PackageSet> choose_packages(const Peer &peer, PackageSource &source, Stage &stage, std::string &warning) {
    image_build::Manifest wanted = peer.manifest;
    wanted.packages.push_back(std::vformat(kRequired, std::make_format_args(peer.manifest.suite)));
    TRY(source.update(stage.log(), warning));
    PackageSet packages = TRY(source.resolve(wanted));
    TRY(source.fetch(packages, stage));
    return packages;
}

} // namespace

Result<Contender> make_peer_image(const Peer &peer, const Settings &settings) {
    PackageSource source = TRY(PackageSource::open(settings.cache, peer.manifest.suite, settings.mirror));
    std::string warning;
    const PackageSet packages = TRY(image_build::stage<PackageSet>(
        "peer packages", settings.logs(), [&](Stage &stage) { return choose_packages(peer, source, stage, warning); }));
    if (!warning.empty()) {
        log::warning(warning);
    }
    const std::string key = sha256(std::string(kRecipe) + "\n" + peer.text + "\n" + packages.lock_text());
    const fs::path kept = settings.kept() / "peer", directory = kept / key.substr(0, 16);
    TRY(make_directories(kept));
    // Older images, half a gigabyte each, and what a killed run left. Nobody uses them: the lock is ours.
    for (const auto &entry : fs::directory_iterator(kept)) {
        if (entry.path() != directory) {
            TRY(remove_tree(entry.path()));
        }
    }
    Contender contender = contender_in(directory);
    if (TRY(recall_sizes(contender, directory / kRecord))) {
        return contender;
    }
    if (fs::exists(directory)) {
        log::warning("cached " + directory.string() + " is damaged: it is removed and made again");
        TRY(remove_tree(directory));
    }
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create(kept, "partial."));
    const fs::path made = scratch.path() / "made";
    TRY(make_directories(made));
    TRY(build(
        {.peer = &peer, .source = &source, .packages = &packages, .logs = settings.logs(), .scratch = scratch.path()},
        key, made));
    std::error_code error;
    fs::rename(made, directory, error);
    if (error) {
        return fail(error.value(), "rename " + made.string() + ": " + error.message());
    }
    if (!TRY(recall_sizes(contender, directory / kRecord))) {
        return fail(EIO, directory.string() + " does not hold what was just written to it: is the disk sound?");
    }
    return contender;
}

} // namespace ballast::bench
