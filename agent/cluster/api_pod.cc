// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/api_pod.h"

#include "agent/cri_client/labels.h"
#include "agent/pods/read_pod.h"
#include "agent/pods/validate.h"
#include "base/quote.h"

namespace ballast::agent {

Result<ApiPod> read_api_pod(Json object) {
    ApiPod entry;
    const std::string name = namespace_of(object) + "/" + name_of(object);
    if (name_of(object).empty() || namespace_of(object).empty() || uid_of(object).empty()) {
        return fail(EINVAL, "a pod without a name, a namespace or a UID: " + quote(name));
    }
    object["metadata"].erase("managedFields"); // who wrote what; often most of it
    if (const auto status = object.find("status"); status != object.end()) {
        entry.status = std::move(*status);
        object.erase(status);
    }
    const std::string phase = json_text(entry.status, {"phase"});
    entry.ended = phase == "Succeeded" || phase == "Failed";
    entry.deleted = json_at(object, {"metadata", "deletionTimestamp"}).is_string();
    if (const Json &grace = json_at(object, {"metadata", "deletionGracePeriodSeconds"});
        entry.deleted && grace.is_number_integer()) {
        entry.grace = grace.get<std::int64_t>();
    }
    entry.mirror = json_at(object, {"metadata", "annotations", labels::kConfigMirror}).is_string();
    entry.definition = json_body(object);
    Result<Pod> pod = read_pod(entry.definition, "pod " + name);
    if (!pod.has_value()) {
        entry.pod.name = name_of(object);
        entry.pod.name_space = namespace_of(object);
        entry.pod.uid = uid_of(object);
        entry.refusal = Waiting{"UnsupportedPod", pod.error().message};
        return entry;
    }
    entry.pod = std::move(*pod);
    entry.pod.annotations[labels::kConfigSource] = "api";
    for (std::vector<Container> *list :
         {&entry.pod.init_containers, &entry.pod.containers, &entry.pod.ephemeral_containers}) {
        for (Container &container : *list) {
            container.hash = labels::hash_of(container.name, container.image);
        }
    }
    if (const std::vector<std::string> problems = validate(entry.pod); !problems.empty()) {
        entry.refusal = Waiting{"UnsupportedPod", problems.front()};
    }
    return entry;
}

} // namespace ballast::agent
