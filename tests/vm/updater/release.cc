// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/updater/release.h"

#include <chrono>
#include <vector>

#include "base/lines.h"
#include "base/subprocess.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using image_build::SigningKeys;
using image_build::release::Repository;

} // namespace

Result<Release> Release::create(const fs::path &image_repository, const std::string &commit, const std::string &ref,
                                const fs::path &cache) {
    TemporaryDirectory scratch = TRY(TemporaryDirectory::create(cache / "tmp", "ballast-release-"));
    Repository repository = TRY(Repository::open(scratch.path() / "repo"));
    TRY(repository.take(commit, image_repository));
    Release release(std::move(scratch), std::move(repository), TRY(SigningKeys::development(cache)));
    release.base_ = commit;
    release.ref_ = ref;
    // Newer than the image's commit, which is as old as its source.
    release.timestamp_ =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    return release;
}

Result<std::string> Release::ostree(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"ostree", "--repo=" + directory().string()});
    return run_checked({.arguments = std::move(arguments)});
}

Result<std::string> Release::content(const std::string &path) const { return ostree({"cat", base_, path}); }

Result<std::string> Release::initramfs() const {
    const std::string modules = "/usr/lib/modules";
    for (const std::string &line : lines_of(TRY(ostree({"ls", base_, modules})))) {
        const std::size_t kernel = line.find(modules + "/"); // its own line has no slash behind it
        if (kernel != std::string::npos) {
            return line.substr(kernel) + "/initramfs.img";
        }
    }
    return fail(ENOENT, "the commit has no kernel");
}

Status Release::write_summary() const {
    constexpr long long kFarAway = 10LL * 365 * 86'400;
    return repository_.write_summary(keys_, timestamp_ + kFarAway);
}

Result<std::string> Release::publish(const std::string &version, const LayOver &lay_over) {
    const fs::path root = scratch_.path() / "over";
    TRY(remove_tree(root));
    TRY(make_directories(root));
    TRY(lay_over(root));
    const std::vector<std::string> said = lines_of(
        TRY(ostree({"commit", "--branch=" + ref_, "--tree=ref=" + base_, "--tree=dir=" + root.string(), "--owner-uid=0",
                    "--owner-gid=0", "--bootable", "--generate-sizes", "--timestamp=@" + std::to_string(++timestamp_),
                    "--subject=Ballast " + version, "--add-metadata-string=version=" + version})));
    if (said.empty()) {
        return fail(EIO, "ostree commit names no commit");
    }
    TRY(repository_.sign(said.back(), keys_));
    TRY(write_summary());
    return said.back();
}

Result<std::uint64_t> Release::make_delta(const std::string &commit) {
    const Repository::Delta delta{.from = base_, .to = commit};
    TRY(repository_.make_delta(delta));
    TRY(write_summary());
    return repository_.delta_size(delta);
}

} // namespace ballast::vm
