// SPDX-License-Identifier: Apache-2.0
#include "tests/images/oci.h"

#include <nlohmann/json.hpp>

namespace ballast::images {
namespace {

using nlohmann::json;

std::string rfc3339(std::time_t time) {
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[sizeof "YYYY-MM-DDTHH:MM:SSZ" + 16];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

void put(json &object, const char *key, const std::string &value) {
    if (!value.empty()) {
        object[key] = value;
    }
}

void put(json &object, const char *key, const std::vector<std::string> &values) {
    if (!values.empty()) {
        object[key] = values;
    }
}

// The specification's spelling of a set: an object whose values are empty objects.
void put_set(json &object, const char *key, const std::vector<std::string> &values) {
    for (const std::string &value : values) {
        object[key][value] = json::object();
    }
}

json to_json(const Platform &platform) {
    json object{{"os", platform.os}, {"architecture", platform.architecture}};
    put(object, "variant", platform.variant);
    return object;
}

json to_json(const Descriptor &descriptor) {
    json object{{"mediaType", descriptor.media_type}, {"digest", descriptor.digest}, {"size", descriptor.size}};
    if (descriptor.platform) {
        object["platform"] = to_json(*descriptor.platform);
    }
    if (!descriptor.annotations.empty()) {
        object["annotations"] = descriptor.annotations;
    }
    return object;
}

json to_json(const std::vector<Descriptor> &descriptors) {
    json list = json::array();
    for (const Descriptor &descriptor : descriptors) {
        list.push_back(to_json(descriptor));
    }
    return list;
}

json to_json(const ConfigSpec &config) {
    json object = json::object();
    put(object, "User", config.user);
    put(object, "Env", config.environment);
    put(object, "Entrypoint", config.entrypoint);
    put(object, "Cmd", config.command);
    put(object, "WorkingDir", config.working_directory);
    put(object, "StopSignal", config.stop_signal);
    put_set(object, "ExposedPorts", config.exposed_ports);
    put_set(object, "Volumes", config.volumes);
    if (!config.labels.empty()) {
        object["Labels"] = config.labels;
    }
    return object;
}

} // namespace

std::string layer_type(Compression compression) {
    switch (compression) {
    case Compression::kGzip:
        return "application/vnd.oci.image.layer.v1.tar+gzip";
    case Compression::kZstd:
        return "application/vnd.oci.image.layer.v1.tar+zstd";
    case Compression::kNone:
        break;
    }
    return "application/vnd.oci.image.layer.v1.tar";
}

std::string config_json(const ImageSpec &image, const Platform &platform, std::time_t created,
                        const std::vector<std::string> &diff_ids) {
    json document = to_json(platform);
    document["created"] = rfc3339(created);
    document["config"] = to_json(image.config);
    document["rootfs"] = {{"type", "layers"}, {"diff_ids", diff_ids}};
    json history = json::array();
    for (size_t number = 1; number <= diff_ids.size(); ++number) {
        history.push_back({{"created", rfc3339(created)},
                           {"created_by", "ballast-test-images: " + image.name + ", layer " + std::to_string(number)}});
    }
    document["history"] = history;
    return document.dump();
}

std::string manifest_json(const Descriptor &config, const std::vector<Descriptor> &layers) {
    return json{
        {"schemaVersion", 2}, {"mediaType", kManifestType}, {"config", to_json(config)}, {"layers", to_json(layers)}}
        .dump();
}

std::string index_json(const std::vector<Descriptor> &manifests) {
    return json{{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", to_json(manifests)}}.dump();
}

} // namespace ballast::images
