// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/small_registry.h"

#include <chrono>
#include <random>
#include <thread>

#include "base/http/listener.h"
#include "runtime/image/image_config.h"
#include "runtime/image/manifest.h"
#include "runtime/image/media_type.h"
#include "runtime/image/tar.h"

namespace ballast::chaos {
namespace {

constexpr int kLayers = 3;
constexpr std::size_t kLayerSize = 768UL << 10;
constexpr std::size_t kPiece = 64UL << 10;

Result<std::string> layer(unsigned seed) {
    std::minstd_rand random(seed);
    std::string content(kLayerSize, '\0');
    for (char &byte : content) {
        byte = static_cast<char>(random() >> 8U);
    }
    std::string archive;
    image::TarWriter writer = TRY(image::TarWriter::open([&archive](std::string_view bytes) -> Status {
        archive += bytes;
        return {};
    }));
    image::TarEntry entry;
    entry.path = "layer-" + std::to_string(seed);
    entry.size = content.size();
    TRY(writer.add_file(entry, content));
    TRY(writer.close());
    return archive;
}

} // namespace

Result<SmallRegistry> SmallRegistry::start(int images, unsigned seed) {
    SmallRegistry registry;
    for (int number = 0; number < images; number++) {
        const std::string base = "/v2/image-" + std::to_string(number);
        image::ImageConfig config;
        config.platform = image::Platform::own();
        image::Manifest manifest;
        manifest.media_type = image::kOciManifest;
        for (int place = 0; place < kLayers; place++) {
            const std::string archive =
                TRY(layer(seed + static_cast<unsigned>(place == 0 ? number / 3 : number * kLayers + place + 100)));
            const image::Digest digest = image::Digest::of(archive);
            config.diff_ids.push_back(digest);
            manifest.layers.push_back(
                {.media_type = std::string(image::kOciLayer), .digest = digest, .size = archive.size()});
            (*registry.documents_)[base + "/blobs/" + digest.text()] = {"application/octet-stream", archive};
        }
        const std::string text = image::image_config_text(config);
        manifest.config = {
            .media_type = std::string(image::kOciConfig), .digest = image::Digest::of(text), .size = text.size()};
        (*registry.documents_)[base + "/blobs/" + manifest.config.digest.text()] = {"application/octet-stream", text};
        const std::string whole = image::manifest_text(manifest);
        for (const std::string &reference : {std::string("latest"), image::Digest::of(whole).text()}) {
            (*registry.documents_)[base + "/manifests/" + reference] = {std::string(image::kOciManifest), whole};
        }
    }
    std::vector<Fd> sockets;
    sockets.push_back(TRY(http::listen_tcp("127.0.0.1", 0)));
    registry.address_ = "127.0.0.1:" + std::to_string(TRY(http::port_of(sockets.front())));
    registry.server_ =
        TRY(http::Server::start(std::move(sockets), [documents = registry.documents_.get()](http::Exchange &exchange) {
            serve(exchange, *documents);
        }));
    return registry;
}

std::string SmallRegistry::name(int image) const { return address_ + "/image-" + std::to_string(image); }

void SmallRegistry::serve(http::Exchange &exchange, const Documents &documents) {
    const auto found = documents.find(exchange.request().path);
    if (found == documents.end()) {
        (void)exchange.answer(exchange.request().path == "/v2/" ? 200 : 404, {}, "{}"); // clients are killed here
        return;
    }
    const auto &[type, text] = found->second;
    const http::Headers headers = {{"Content-Type", type}};
    if (text.size() < kPiece || exchange.request().is_head()) {
        (void)exchange.answer(200, headers, text);
        return;
    }
    Status sent = exchange.begin(200, headers);
    for (std::size_t at = 0; sent && at < text.size(); at += kPiece) {
        sent = exchange.write(std::string_view(text).substr(at, kPiece));
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (sent) {
        (void)exchange.finish();
    }
}

} // namespace ballast::chaos
