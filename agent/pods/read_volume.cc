// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/read_pod.h"

#include "base/json/json_take.h"

namespace ballast::agent {
namespace {

constexpr int kMostMode = 0777;

EmptyDir read_empty_dir(const JsonCursor &from) {
    EmptyDir volume;
    const JsonCursor medium = from.at("medium");
    volume.memory = medium.view() == "Memory";
    if (!medium.view().empty() && !volume.memory) {
        medium.refuse("Memory, or nothing: huge pages are not mounted here");
    }
    volume.limit = read_quantity(from.at("sizeLimit"));
    return volume;
}

void read_key(const JsonCursor &from, KeyFile &to) {
    to.key = from.need("key").text();
    to.path = from.need("path").text();
    to.mode = from.at("mode").optional_number<int>(0, kMostMode);
}

ObjectFiles read_object(const char *kind, const JsonCursor &from, const char *name) {
    ObjectFiles files{.kind = kind, .name = from.at(name).text(), .optional = from.at("optional").boolean()};
    take_list(from.at("items"), files.items, read_key);
    return files;
}

void read_downward(const JsonCursor &from, std::vector<FileSource> &to) {
    for (const JsonCursor item : from.at("items").items()) {
        DownwardFile file{.path = item.need("path").text()};
        file.mode = item.at("mode").optional_number<int>(0, kMostMode);
        if (const JsonCursor resource = item.at("resourceFieldRef"); resource.given()) {
            file.value = read_resource_ref(resource);
        } else {
            file.value = FieldRef{item.need("fieldRef").need("fieldPath").text()};
        }
        to.emplace_back(std::move(file));
    }
}

void read_projected(const JsonCursor &from, std::vector<FileSource> &to) {
    for (const JsonCursor source : from.at("sources").items()) {
        for (const char *kind : {"configMap", "secret"}) {
            if (const JsonCursor object = source.at(kind); object.given()) {
                to.emplace_back(read_object(kind, object, "name"));
            }
        }
        read_downward(source.at("downwardAPI"), to);
        if (const JsonCursor token = source.at("serviceAccountToken"); token.given()) {
            TokenFile file{.path = token.need("path").text(), .audience = token.at("audience").text()};
            take(token.at("expirationSeconds"), file.seconds);
            to.emplace_back(std::move(file));
        }
        if (const JsonCursor bundle = source.at("clusterTrustBundle"); bundle.given()) {
            bundle.fail("bundles of a cluster's authorities are not supported");
        }
    }
}

// Nothing: it is of another kind.
std::optional<FileVolume> read_file_volume(const JsonCursor &from) {
    FileVolume volume{.kind = std::string(from.name())};
    volume.mode = from.at("defaultMode").number<int>(0, kMostMode, volume.mode);
    if (volume.kind == "configMap") {
        volume.sources.emplace_back(read_object("configMap", from, "name"));
    } else if (volume.kind == "secret") {
        volume.sources.emplace_back(read_object("secret", from, "secretName"));
    } else if (volume.kind == "downwardAPI") {
        read_downward(from, volume.sources);
    } else if (volume.kind == "projected") {
        read_projected(from, volume.sources);
    } else {
        return std::nullopt;
    }
    return volume;
}

} // namespace

void read_volume(const JsonCursor &from, Volume &to) {
    to.name = from.need("name").text();
    to.source = EmptyDir{}; // what the API makes of a volume without a source
    for (const JsonCursor member : from.members()) {
        if (member.name() == "name" || !from.at(member.name()).given()) {
            continue;
        }
        if (member.name() == "emptyDir") {
            to.source = read_empty_dir(member);
        } else if (member.name() == "hostPath") {
            to.source = HostPath{.path = member.need("path").text(), .type = member.at("type").text()};
        } else if (member.name() == "persistentVolumeClaim") {
            to.source =
                ClaimVolume{.name = member.need("claimName").text(), .read_only = member.at("readOnly").boolean()};
        } else if (std::optional<FileVolume> files = read_file_volume(member)) {
            to.source = std::move(*files);
        } else {
            to.source = ClusterVolume{std::string(member.name())};
        }
    }
}

} // namespace ballast::agent
