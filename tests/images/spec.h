// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"
#include "tests/images/archive.h"
#include "tests/images/entry.h"
#include "tests/images/platform.h"

// images.yaml as data: which images there are, and where the content of their files comes from. The keys are described
// in docs/usage/test-images.md.
namespace ballast::images {

struct Text { // `content`, then zero bytes up to `size`, the last of them replaced by `tail`
    std::string content;
    std::uint64_t size = 0; // 0: as long as the content
    std::string tail;
};
struct FromPackage { // a file of a Debian package, of the image's architecture
    std::string package;
    std::string member;
};
struct FromProgram { // a program of tests/images/programs
    std::string name;
};
struct FromSource { // a file beside images.yaml
    std::string path;
};
struct Applets { // the entry's directory gets a link to this path for every applet of the busybox there
    std::string busybox;
};

struct EntrySpec {
    Entry entry;
    std::variant<Text, FromPackage, FromProgram, FromSource, Applets> origin;
    std::string where; // "images.yaml:12:3"
};

struct ConfigSpec { // application/vnd.oci.image.config.v1+json, its "config" part
    std::string user;
    std::vector<std::string> environment, entrypoint, command;
    std::string working_directory;
    std::vector<std::string> exposed_ports, volumes; // "8080/tcp"
    std::string stop_signal;
    std::map<std::string, std::string> labels;
};

struct ImageSpec {
    std::string name;
    std::string tag;
    std::vector<Platform> platforms; // more than one: an image index
    Compression compression = Compression::kGzip;
    ConfigSpec config;
    std::vector<std::vector<EntrySpec>> layers; // lowest first
    std::string where;
};

// EINVAL with file, line, column and key for whatever is unknown, missing or of the wrong type.
Result<std::vector<ImageSpec>> load_images(const std::filesystem::path &file);
Result<std::vector<ImageSpec>> parse_images(const YamlNode &document);

// One entry of a layer.
Result<EntrySpec> parse_entry(const YamlNode &node);

} // namespace ballast::images
