// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_images.h"

#include <random>

#include "base/file_io.h"
#include "tests/images/layout.h"

namespace ballast::bench {
namespace {

constexpr int kLayers = 10;
constexpr std::size_t kLayerBytes = 50'000'000, kSmallest = 1'000, kLargest = 2'000'000;
constexpr std::size_t kWords = 4096, kMostWord = 24, kBlock = 64;
constexpr int kNoiseInTen = 3; // blocks that do not compress

// Blocks of noise among words that come again.
class Content {
  public:
    explicit Content(unsigned seed) : random_(seed) {
        for (std::string &word : words_) {
            word.resize(1 + random_() % kMostWord);
            for (char &c : word) {
                c = static_cast<char>(random_());
            }
        }
    }
    std::string make(std::size_t bytes) {
        std::string text;
        while (text.size() < bytes) {
            const bool noise = static_cast<int>(random_() % 10) < kNoiseInTen;
            const std::size_t end = text.size() + kBlock;
            while (text.size() < end) {
                if (noise) {
                    text.push_back(static_cast<char>(random_()));
                } else {
                    text += words_[random_() % kWords % (1 + random_() % kWords)];
                }
            }
        }
        text.resize(bytes);
        return text;
    }
    // Many small files, few large ones.
    std::size_t size() { return kSmallest + (kLargest - kSmallest) / (1 + random_() % 200); }

  private:
    std::mt19937 random_;
    std::string words_[kWords];
};

images::ImageSpec image_spec(const std::string &name) {
    images::ImageSpec image{.name = name,
                            .tag = "latest",
                            .platforms = {images::build_platform()},
                            .config = {},
                            .layers = {},
                            .where = name};
    return image;
}

images::EntrySpec file_entry(const std::string &path, const std::string &program) {
    images::EntrySpec entry{
        .entry = {.path = path, .mode = 0755}, .origin = images::FromProgram{program}, .where = path};
    return entry;
}

} // namespace

Status make_payload_image(const std::filesystem::path &directory, const std::filesystem::path &payload) {
    images::ImageSpec image = image_spec("payload");
    image.layers = {{file_entry("payload", payload)}};
    const images::Sources sources{
        .package_file = {}, .program = [](const std::string &path) { return read_file(path); }, .source_file = {}};
    (void)TRY(images::build_image(image, sources, TRY(images::build_time()), directory));
    return {};
}

Status make_big_image(const std::filesystem::path &directory) {
    images::ImageSpec image = image_spec("big");
    Content content(1);
    std::map<std::string, std::string> files;
    for (int layer = 0; layer < kLayers; ++layer) {
        std::vector<images::EntrySpec> entries;
        for (std::size_t left = kLayerBytes, number = 0; left > 0; ++number) {
            const std::size_t size = std::min(left, content.size());
            const std::string path = "layer" + std::to_string(layer) + "-" + std::to_string(number);
            files[path] = content.make(size);
            entries.push_back(file_entry(path, path));
            left -= size;
        }
        image.layers.push_back(std::move(entries));
    }
    const images::Sources sources{
        .package_file = {},
        .program = [&files](const std::string &path) -> Result<std::string> { return files.at(path); },
        .source_file = {}};
    (void)TRY(images::build_image(image, sources, TRY(images::build_time()), directory));
    return {};
}

} // namespace ballast::bench
