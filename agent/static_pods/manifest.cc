// SPDX-License-Identifier: Apache-2.0
#include "agent/static_pods/manifest.h"

#include "agent/cri_client/labels.h"
#include "agent/pods/read_pod.h"
#include "agent/pods/validate.h"
#include "base/digest.h"
#include "base/yaml.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kUidDigits = 32;

std::string joined(const std::vector<std::string> &problems) {
    std::string text;
    for (const std::string &problem : problems) {
        text += (text.empty() ? "" : ", ") + problem;
    }
    return problems.size() == 1 ? text : "[" + text + "]";
}

} // namespace

Result<Pod> read_manifest(const std::string &text, const std::string &file, const std::string &node_name) {
    const std::string json = TRY(TRY(YamlNode::parse(text, file)).json());
    Pod pod = TRY(read_pod(json, file));
    pod.definition = json;
    if (pod.uid.empty()) {
        pod.uid = sha256(json + "host:" + node_name + "file:" + file).substr(0, kUidDigits);
    }
    if (!pod.name.empty()) {
        pod.name += "-" + node_name;
    }
    if (pod.name_space.empty()) {
        pod.name_space = "default";
    }
    pod.annotations[labels::kConfigHash] = pod.uid;
    pod.annotations[labels::kConfigSource] = "file";
    for (std::vector<Container> *list : {&pod.init_containers, &pod.containers}) {
        for (Container &container : *list) {
            container.hash = labels::hash_of(container.name, container.image);
        }
    }
    if (const std::vector<std::string> problems = validate(pod); !problems.empty()) {
        return fail(EINVAL, file + ": invalid pod: " + joined(problems));
    }
    if (!pod.ephemeral_containers.empty()) {
        return fail(EINVAL, file + ": invalid pod: spec.ephemeralContainers: Forbidden: cannot be set on create");
    }
    if (const std::string resource = api_references(pod); !resource.empty()) {
        return fail(EINVAL, file + ": static pods may not reference " + resource);
    }
    return pod;
}

} // namespace ballast::agent
