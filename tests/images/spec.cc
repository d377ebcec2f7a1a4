// SPDX-License-Identifier: Apache-2.0
#include "tests/images/spec.h"

#include <algorithm>
#include <set>

namespace ballast::images {
namespace {

// What registries and OCI layouts agree on for one component of a name.
bool is_plain_name(const std::string &name) {
    const auto plain = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-' || letter == '.';
    };
    return !name.empty() && std::ranges::all_of(name, plain) && name.front() != '-' && name.front() != '.' &&
           name.back() != '-' && name.back() != '.';
}

Result<Compression> read_compression(const YamlNode &node) {
    const std::string text = TRY(node.string_or("compression", "gzip"));
    if (text == "gzip") {
        return Compression::kGzip;
    }
    if (text == "zstd") {
        return Compression::kZstd;
    }
    if (text == "none") {
        return Compression::kNone;
    }
    return fail(EINVAL, node.where() + ": compression: \"" + text + "\" is none of gzip, zstd, none");
}

Result<ConfigSpec> parse_config(const YamlNode &node) {
    TRY(node.allow_only(
        {"user", "env", "entrypoint", "cmd", "working-dir", "expose", "volumes", "stop-signal", "labels"}));
    ConfigSpec config;
    config.user = TRY(node.string_or("user", ""));
    config.environment = TRY(node.strings_or_empty("env"));
    config.entrypoint = TRY(node.strings_or_empty("entrypoint"));
    config.command = TRY(node.strings_or_empty("cmd"));
    config.working_directory = TRY(node.string_or("working-dir", ""));
    config.exposed_ports = TRY(node.strings_or_empty("expose"));
    config.volumes = TRY(node.strings_or_empty("volumes"));
    config.stop_signal = TRY(node.string_or("stop-signal", ""));
    if (node.has("labels")) {
        const YamlNode labels = TRY(node.at("labels"));
        for (const auto &[name, value] : TRY(labels.members())) {
            config.labels[name] = TRY(value.as_string());
        }
    }
    return config;
}

Result<std::vector<Platform>> parse_platforms(const YamlNode &node) {
    std::vector<Platform> platforms;
    const YamlNode list = TRY(node.at("platforms"));
    for (const YamlNode &item : TRY(list.items())) {
        const std::string name = TRY(item.as_string());
        const Platform platform = TRY(parse_platform(name).within(item.where()));
        if (std::ranges::contains(platforms, platform)) {
            return fail(EINVAL, item.where() + ": " + platform.describe() + " occurs twice");
        }
        platforms.push_back(platform);
    }
    if (platforms.empty()) {
        return fail(EINVAL, node.where() + ": platforms: must name at least one");
    }
    return platforms;
}

Result<ImageSpec> parse_image(const std::string &name, const YamlNode &node) {
    if (!is_plain_name(name)) {
        return fail(EINVAL, node.where() + ": image name \"" + name + "\": use a-z, 0-9, inner dots and dashes");
    }
    TRY(node.allow_only({"tag", "platforms", "compression", "config", "layers"}));
    ImageSpec image;
    image.name = name;
    image.where = node.where();
    image.tag = TRY(node.string_or("tag", "latest"));
    if (!is_plain_name(image.tag)) {
        return fail(EINVAL, node.where() + ": tag \"" + image.tag + "\": use a-z, 0-9, inner dots and dashes");
    }
    image.platforms = TRY(parse_platforms(node));
    image.compression = TRY(read_compression(node));
    const YamlNode config = TRY(node.at("config"));
    image.config = TRY(parse_config(config));
    const YamlNode layers = TRY(node.at("layers"));
    for (const YamlNode &layer : TRY(layers.items())) {
        std::vector<EntrySpec> entries;
        for (const YamlNode &entry : TRY(layer.items())) {
            entries.push_back(TRY(parse_entry(entry)));
        }
        image.layers.push_back(std::move(entries));
    }
    if (image.layers.empty()) {
        return fail(EINVAL, node.where() + ": layers: must name at least one");
    }
    return image;
}

} // namespace

Result<std::vector<ImageSpec>> parse_images(const YamlNode &document) {
    TRY(document.allow_only({"images"}));
    std::vector<ImageSpec> images;
    std::set<std::string> names;
    const YamlNode all = TRY(document.at("images"));
    for (const auto &[name, node] : TRY(all.members())) {
        if (!names.insert(name).second) {
            return fail(EINVAL, node.where() + ": image " + name + " is described twice");
        }
        images.push_back(TRY(parse_image(name, node)));
    }
    return images;
}

Result<std::vector<ImageSpec>> load_images(const std::filesystem::path &file) {
    const YamlNode document = TRY(YamlNode::load(file));
    return parse_images(document);
}

} // namespace ballast::images
