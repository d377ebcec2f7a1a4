// SPDX-License-Identifier: Apache-2.0
// ballast-build: manifest in; OSTree commit, signed repository, disk images and bill of materials out. And what gives
// them out to machines.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>

#include "base/log.h"
#include "image-build/image.h"
#include "image-build/release/commands.h"

int main(int argc, char **argv) {
    using namespace ballast;
    image_build::ImageOptions options;
    if (const char *mirror = std::getenv("BALLAST_DEBIAN_MIRROR"); mirror != nullptr) {
        options.mirror = mirror;
    }

    CLI::App app("Builds Ballast images.");
    app.require_subcommand(1);
    CLI::App *image = app.add_subcommand("image", "build a disk image with its repository, lock and bill of materials");
    image->add_option("--variant", options.variant, "which variant of os/manifest.yaml")->capture_default_str();
    image->add_option("--format", options.formats, "comma-separated: raw (zstd-compressed), qcow2")
        ->capture_default_str();
    image->add_option("--channel", options.channel, "the channel that the commit belongs to")->capture_default_str();
    image->add_option("--version", options.version, "instead of the manifest's version scheme");
    image->add_option("--locked", options.locked, "build exactly the packages of this lock");
    image->add_option("--programs", options.programs, "directory that holds usr/ with the built programs")->required();
    image->add_option("--source", options.source, "the checkout")->capture_default_str();
    image->add_option("--output", options.output, "where the results go")->capture_default_str();
    image->add_option("--cache", options.cache, "packages and finished stages")->capture_default_str();
    image->add_flag("--rebuild", options.rebuild, "make every stage again, from the same packages");
    image->add_flag("--commit-only", options.commit_only,
                    "stop after the commit and print its checksum; publish nothing");
    image
        ->add_option("--key-home", options.key_home,
                     "GnuPG's home directory with the signing keys, instead of the development key")
        ->type_name("DIR");
    image
        ->add_option("--key", options.keys,
                     "a key of it by its fingerprint, to sign with and to trust; may be repeated")
        ->allow_extra_args(false);
    const image_build::release::Commands release(app);
    CLI11_PARSE(app, argc, argv);

    try {
        const Status status = release.named() ? release.run() : image_build::build_image(options);
        if (!status.has_value()) {
            log::error(status.error().message);
            return 1;
        }
        return 0;
    } catch (const std::exception &exception) { // std::filesystem's: a full disk, a file that went away
        log::error(exception.what());
        return 1;
    }
}
