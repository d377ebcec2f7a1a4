// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/our_image.h"

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "image-build/stage.h"
#include "tests/bench/compressed_size.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;
using image_build::Stage;

Status check_out(const Settings &settings, const std::string &commit, const fs::path &tree) {
    return image_build::stage<void>("our commit", settings.logs(), [&](Stage &stage) -> Status {
        const std::string repository = "--repo=" + (settings.output / "repo").string();
        (void)TRY(
            run_checked({.arguments = {"ostree", "checkout", repository, commit, tree.string()}, .log = stage.log()}));
        return {};
    });
}

Status measure_sizes(Contender &ours, const fs::path &tree, const fs::path &scratch, const fs::path &logs) {
    TRY(image_build::stage<void>("our tree", logs, [&](Stage &stage) -> Status {
        ours.tree_bytes = TRY(compressed_tree(tree, stage.log()));
        return remove_tree(tree);
    }));
    return image_build::stage<void>("our disk", logs, [&](Stage &stage) -> Status {
        const fs::path raw = scratch / "ours.raw";
        (void)TRY(run_checked(
            {.arguments = {"qemu-img", "convert", "-f", "qcow2", "-O", "raw", ours.disk.string(), raw.string()},
             .log = stage.log()}));
        ours.disk_bytes = TRY(compressed_file(raw, stage.log()));
        return remove_tree(raw);
    });
}

} // namespace

Result<BuildOfImage> build_of_image(const Settings &settings, const std::string &variant) {
    const fs::path file = settings.output / "images" / ("ballast-" + variant + ".build.json");
    const std::string remedy = "./dev image --variant " + variant;
    if (!fs::exists(file)) {
        return fail(ENOENT, file.string() + " is not there, so no finished image is: make one with " + remedy);
    }
    const nlohmann::json record = nlohmann::json::parse(TRY(read_file(file)), nullptr, false);
    BuildOfImage build;
    for (const auto &[name, to] : {std::pair{"commit", &build.commit}, std::pair{"ref", &build.ref}}) {
        if (!record.is_object() || !record.contains(name) || !record[name].is_string()) {
            return fail(EINVAL, file.string() + " names no " + name + ": make the image again with " + remedy);
        }
        *to = record[name].get<std::string>();
    }
    return build;
}

Result<OurImage> take_our_image(const Settings &settings, const fs::path &scratch) {
    const fs::path images = settings.output / "images", tree = scratch / "our-tree";
    const fs::path record = settings.kept() / "our-sizes.json"; // of the image measured last
    OurImage image{.contender = {.name = "ours", .disk = scratch / "ours.qcow2"}, .size_report = {}};
    bool known = false;
    {
        // Of one build: while its lock is ours, none replaces a part of it.
        const FileLock build = TRY(FileLock::acquire(settings.output / "lock"));
        const std::string commit = TRY(build_of_image(settings, "cloud")).commit;
        std::error_code error;
        fs::create_hard_link(images / "ballast-cloud.qcow2", image.contender.disk, error);
        if (error) {
            return fail(error.value(), "link " + (images / "ballast-cloud.qcow2").string() + ": " + error.message());
        }
        image.size_report = TRY(read_file(images / "ballast-cloud.sizes.txt"));
        known = TRY(recall_sizes(image.contender, record));
        if (!known) {
            TRY(check_out(settings, commit, tree));
        }
    }
    if (!known) {
        TRY(measure_sizes(image.contender, tree, scratch, settings.logs()));
        TRY(record_sizes(image.contender, record));
    }
    return image;
}

} // namespace ballast::bench
