// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/registry/test_image.h"

#include <random>

#include "runtime/image/decompress.h"
#include "runtime/image/image_config.h"
#include "runtime/image/tar.h"
#include "tests/unit/check.h"

namespace ballast::tests {
namespace {

using image::Digest;

std::string tar_of(const std::string &name, const std::string &content) {
    std::string archive;
    image::TarWriter writer = must(image::TarWriter::open([&](std::string_view bytes) {
        archive += bytes;
        return Status();
    }));
    image::TarEntry entry;
    entry.path = name;
    entry.size = content.size();
    must(writer.add_file(entry, content));
    must(writer.close());
    return archive;
}

std::string gzip_of(const std::string &bytes) {
    std::string packed;
    image::GzipWriter writer([&](std::string_view piece) {
        packed += piece;
        return Status();
    });
    must(writer.write(bytes));
    must(writer.close());
    return packed;
}

std::string add_blob(TestImage &made, const std::string &bytes) {
    std::string digest = Digest::of(bytes).text();
    made.blobs[digest] = bytes;
    return digest;
}

void add_document(TestImage &made, std::string_view type, const std::string &text) {
    made.top = {.media_type = std::string(type), .digest = Digest::of(text), .size = text.size()};
    made.documents[made.top.digest.text()] = text;
    made.types[made.top.digest.text()] = type;
}

} // namespace

TestImage make_image(const std::vector<std::string> &contents, const std::string &platform) {
    TestImage made;
    image::ImageConfig config;
    config.platform = platform.empty() ? image::Platform::own() : must(image::Platform::parse(platform));
    image::Manifest manifest;
    manifest.media_type = image::kOciManifest;
    for (const std::string &content : contents) {
        const std::string archive = tar_of("layer-" + std::to_string(made.layers.size()), content);
        const std::string packed = gzip_of(archive);
        config.diff_ids.push_back(Digest::of(archive));
        made.layers.push_back(add_blob(made, packed));
        manifest.layers.push_back(
            {.media_type = std::string(image::kOciLayerGzip), .digest = Digest::of(packed), .size = packed.size()});
    }
    const std::string text = image::image_config_text(config);
    made.config = add_blob(made, text);
    manifest.config = {.media_type = std::string(image::kOciConfig), .digest = Digest::of(text), .size = text.size()};
    add_document(made, image::kOciManifest, image::manifest_text(manifest));
    return made;
}

TestImage make_index(const std::vector<TestImage> &images, const std::vector<std::string> &platforms) {
    TestImage made;
    image::Index index{.media_type = std::string(image::kOciIndex), .manifests = {}};
    for (std::size_t place = 0; place < images.size(); ++place) {
        image::Descriptor entry = images[place].top;
        entry.platform = must(image::Platform::parse(platforms[place]));
        index.manifests.push_back(std::move(entry));
        made.documents.insert(images[place].documents.begin(), images[place].documents.end());
        made.types.insert(images[place].types.begin(), images[place].types.end());
        made.blobs.insert(images[place].blobs.begin(), images[place].blobs.end());
    }
    add_document(made, image::kOciIndex, image::index_text(index));
    return made;
}

std::string noise(std::size_t size, unsigned seed) {
    std::minstd_rand random(seed);
    std::string bytes(size, '\0');
    for (char &byte : bytes) {
        byte = static_cast<char>(random() >> 8U);
    }
    return bytes;
}

} // namespace ballast::tests
