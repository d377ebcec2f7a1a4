// SPDX-License-Identifier: Apache-2.0
#include "tests/images/layout.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/file_io.h"

namespace ballast::images {
namespace {

using std::filesystem::path;

constexpr std::time_t kDefaultTime = 1735689600; // 2025-01-01T00:00:00Z

Result<Descriptor> add_blob(const path &layout, const std::string &media_type, const std::string &content) {
    const std::string digest = sha256(content);
    TRY(write_file(layout / "blobs/sha256" / digest, content));
    return Descriptor{media_type, "sha256:" + digest, content.size(), {}, {}};
}

Result<Descriptor> add_platform(const path &layout, const ImageSpec &image, const Platform &platform,
                                const Sources &sources, std::time_t created) {
    std::vector<Descriptor> layers;
    std::vector<std::string> diff_ids;
    for (const std::vector<Entry> &entries : TRY(image_layers(image, platform, sources))) {
        const std::string tar = TRY(write_tar(entries, created));
        diff_ids.push_back("sha256:" + sha256(tar));
        const std::string blob = TRY(compress(tar, image.compression));
        layers.push_back(TRY(add_blob(layout, layer_type(image.compression), blob)));
    }
    const Descriptor config = TRY(add_blob(layout, kConfigType, config_json(image, platform, created, diff_ids)));
    Descriptor manifest = TRY(add_blob(layout, kManifestType, manifest_json(config, layers)));
    manifest.platform = platform;
    return manifest;
}

Result<Descriptor> write_layout(const path &layout, const ImageSpec &image, const Sources &sources,
                                std::time_t created) {
    TRY(make_directories(layout / "blobs/sha256"));
    std::vector<Descriptor> manifests;
    for (const Platform &platform : image.platforms) {
        manifests.push_back(TRY(add_platform(layout, image, platform, sources, created)));
    }
    Descriptor top =
        manifests.size() == 1 ? manifests.front() : TRY(add_blob(layout, kIndexType, index_json(manifests)));
    top.annotations[kReferenceAnnotation] = image.tag;
    TRY(write_file(layout / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    TRY(write_file(layout / "index.json", index_json({top})));
    return top;
}

} // namespace

Result<BuiltImage> build_image(const ImageSpec &image, const Sources &sources, std::time_t created, const path &out) {
    const std::string context = "build image " + image.name;
    TRY(make_directories(out).within(context));
    // Beside the final place, so that the rename stays in one file system; the dot keeps find_layouts() away from it.
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create(out, "." + image.name + "-").within(context));
    const path layout = scratch.path() / "layout";
    const Descriptor top = TRY(write_layout(layout, image, sources, created).within(context));
    TRY(remove_tree(out / image.name).within(context));
    std::error_code error;
    std::filesystem::rename(layout, out / image.name, error);
    if (error) {
        return fail_errno(context + ": rename to " + (out / image.name).string(), error.value());
    }
    return BuiltImage{image.name, image.tag, top.digest};
}

Result<BuiltImage> read_layout(const path &layout) {
    const std::string text = TRY(read_file(layout / "index.json").within("image layout"));
    try {
        const nlohmann::json manifests = nlohmann::json::parse(text).at("manifests");
        if (manifests.size() != 1) {
            return fail(EINVAL, (layout / "index.json").string() + ": holds " + std::to_string(manifests.size()) +
                                    " images, expected one");
        }
        const nlohmann::json &top = manifests.front();
        return BuiltImage{layout.filename(), top.at("annotations").at(kReferenceAnnotation).get<std::string>(),
                          top.at("digest").get<std::string>()};
    } catch (const nlohmann::json::exception &error) {
        return fail(EINVAL, (layout / "index.json").string() + ": not an image layout's index: " + error.what());
    }
}

Result<std::vector<path>> find_layouts(const path &directory) {
    std::vector<path> layouts;
    std::error_code error;
    for (const auto &item : std::filesystem::directory_iterator(directory, error)) {
        if (!item.path().filename().string().starts_with('.') && exists(item.path() / "oci-layout", error)) {
            layouts.push_back(item.path());
        }
    }
    if (error) {
        return fail_errno("look for image layouts in " + directory.string(), error.value());
    }
    if (layouts.empty()) {
        return fail(ENOENT, directory.string() + " holds no image layouts; make them with 'ballast-test-images build'");
    }
    std::ranges::sort(layouts);
    return layouts;
}

Result<std::time_t> build_time() {
    const char *variable = std::getenv("SOURCE_DATE_EPOCH");
    if (variable == nullptr) {
        return kDefaultTime;
    }
    const std::string_view text(variable);
    std::time_t time = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
    if (error != std::errc() || end != text.data() + text.size() || time < 0) {
        return fail(EINVAL, "SOURCE_DATE_EPOCH=\"" + std::string(text) + "\" is not a number of seconds since 1970");
    }
    return time;
}

} // namespace ballast::images
