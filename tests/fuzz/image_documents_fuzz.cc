// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_config.h"
#include "runtime/image/manifest.h"
#include "runtime/image/reference.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

// What every reader of a document promises: a message that names it, and that what was read can be written and read.
template <typename Parsed>
fuzz::Verdict judge(const Result<Parsed> &parsed, const std::function<std::string(const Parsed &)> &write,
                    const std::function<Result<Parsed>(std::string_view)> &read,
                    const std::function<std::string(const Parsed &)> &promises) {
    if (!parsed.has_value()) {
        const Error &error = parsed.error();
        if (error.code != EINVAL && error.code != EFBIG && error.code != ENOTSUP) {
            return {false, "a code that is none of EINVAL, EFBIG and ENOTSUP"};
        }
        return {false, fuzz::bad_message(error.message)};
    }
    const std::string text = write(*parsed);
    const Result<Parsed> again = read(text);
    if (!again.has_value()) {
        return {true, "refuses what it writes itself: " + again.error().message};
    }
    return {true, write(*again) == text ? promises(*parsed) : "another document after writing and reading"};
}

bool is_file_name(const Digest &digest) {
    return digest.text().find_first_not_of("0123456789abcdefsh:") == std::string::npos && digest.hex().size() >= 64;
}

const std::vector<std::string> kWords = {"digest",    "size",        "mediaType",    "urls",   "platform", "fsLayers",
                                         "manifests", "annotations", "sha512:",      "../..",  "variant",  "layers",
                                         "rootfs",    "diff_ids",    "Healthcheck",  "Labels", "linux",    "os",
                                         "v8",        "config",      "schemaVersion"};

} // namespace

TEST_CASE("the reader of manifests keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "manifest",
                 .corpus = "tests/fuzz/corpus/manifest",
                 .parse =
                     [](std::string_view input) {
                         const auto read = [](std::string_view text) { return parse_manifest(text, "f"); };
                         return judge<Manifest>(
                             read(input), manifest_text, read, [](const Manifest &manifest) -> std::string {
                                 for (const Descriptor &layer : manifest.layers) {
                                     if (!is_file_name(layer.digest) || layer.size > kLargestLayer) {
                                         return "a layer that cannot be";
                                     }
                                 }
                                 return is_file_name(manifest.config.digest) ? "" : "a configuration without digest";
                             });
                     },
                 .duration = std::chrono::seconds(5),
                 .words = kWords});
}

TEST_CASE("the reader of indexes keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "index",
                 .corpus = "tests/fuzz/corpus/index",
                 .parse =
                     [](std::string_view input) {
                         const auto read = [](std::string_view text) { return parse_index(text, "f"); };
                         return judge<Index>(read(input), index_text, read, [](const Index &index) -> std::string {
                             const Result<Descriptor> choice = choose_manifest(index, Platform::own(), "f");
                             return choice.has_value() ? is_file_name(choice->digest) ? "" : "a choice without digest"
                                                       : fuzz::bad_message(choice.error().message);
                         });
                     },
                 .duration = std::chrono::seconds(5),
                 .words = kWords});
}

TEST_CASE("the reader of image configurations keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "image_config",
                 .corpus = "tests/fuzz/corpus/image_config",
                 .parse =
                     [](std::string_view input) {
                         const auto read = [](std::string_view text) { return parse_image_config(text, "f"); };
                         return judge<ImageConfig>(
                             read(input), image_config_text, read, [](const ImageConfig &config) -> std::string {
                                 return config.chain_ids().size() == config.diff_ids.size() ? "" : "chain";
                             });
                     },
                 .duration = std::chrono::seconds(5),
                 .words = kWords});
}

TEST_CASE("the reader of references keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "reference",
                 .corpus = "tests/fuzz/corpus/reference",
                 .parse = [](std::string_view input) -> fuzz::Verdict {
                     const Result<Reference> reference = Reference::parse(input);
                     if (!reference.has_value()) {
                         return {false, reference.error().code == EINVAL ? fuzz::bad_message(reference.error().message)
                                                                         : "a code"};
                     }
                     const Result<Reference> canonical = Reference::parse(reference->canonical());
                     const Result<Reference> familiar = Reference::parse(reference->familiar());
                     if (!canonical.has_value() || *canonical != *reference || !familiar.has_value() ||
                         *familiar != *reference) {
                         return {true, "canonical or familiar form means another image"};
                     }
                     const bool path =
                         reference->path.contains("..") || reference->path.starts_with('/') || reference->path.empty();
                     return {true, path || reference->tag.contains('/') ? "a name that works as a path" : ""};
                 },
                 .duration = std::chrono::seconds(5),
                 .words = {"/", ":", "@", "library/", "docker.io", "sha256:", "..", "__", "localhost", "[::1]", "A",
                           "latest"}});
}
