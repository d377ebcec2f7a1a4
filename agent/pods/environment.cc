// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/environment.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/quote.h"

namespace ballast::agent {
namespace {

// "metadata.labels['app']" -> the value of app in `map`. Nothing: the path is not one of those.
std::optional<std::string> subscripted(const std::string &path, const std::string &name, const TextMap &map) {
    const std::string begin = name + "['";
    if (!path.starts_with(begin) || !path.ends_with("']") || path.size() < begin.size() + 2) {
        return std::nullopt;
    }
    const auto found = map.find(path.substr(begin.size(), path.size() - begin.size() - 2));
    return found == map.end() ? "" : found->second;
}

bool is_secret(const ClusterRef &reference) { return reference.kind.starts_with("secret"); }

Result<TextMap> data_of(const Pod &pod, const ClusterRef &reference, const PodObjects &objects) {
    if (!objects.data || reference.kind == "fileKeyRef") {
        return fail(ENOTSUP, reference.kind + " " + quote(reference.name) + " can be had from an API server only");
    }
    return objects.data(is_secret(reference) ? "secret" : "configMap", pod.name_space, reference.name);
}

Result<std::string> value_of(const Pod &pod, const Container &container, const EnvVar &variable,
                             const Surroundings &surroundings, const PodObjects &objects, const Variables &before) {
    if (const auto *text = std::get_if<std::string>(&variable.value)) {
        return expanded(*text, before);
    }
    if (const auto *field = std::get_if<FieldRef>(&variable.value)) {
        return field_value(pod, field->path, surroundings);
    }
    if (const auto *resource = std::get_if<ResourceRef>(&variable.value)) {
        return resource_value(pod, &container, *resource, surroundings);
    }
    const auto &reference = std::get<ClusterRef>(variable.value);
    TextMap data = TRY(data_of(pod, reference, objects));
    const auto found = data.find(reference.key);
    if (found == data.end()) {
        return fail(ENOENT, "couldn't find key " + reference.key + " in " +
                                (is_secret(reference) ? "Secret " : "ConfigMap ") + pod.name_space + "/" +
                                reference.name);
    }
    return std::move(found->second);
}

void set(Variables &variables, const std::string &name, std::string value) {
    const auto found = std::ranges::find(variables, name, &Variables::value_type::first);
    if (found == variables.end()) {
        variables.emplace_back(name, std::move(value));
    } else {
        found->second = std::move(value);
    }
}

} // namespace

std::string expanded(std::string_view text, const Variables &variables) {
    std::string out;
    while (!text.empty()) {
        const std::size_t dollar = text.find('$');
        out += text.substr(0, dollar);
        if (dollar == std::string_view::npos) {
            break;
        }
        text.remove_prefix(dollar + 1);
        const std::size_t end = text.starts_with('(') ? text.find(')') : std::string_view::npos;
        if (end != std::string_view::npos) {
            const std::string_view name = text.substr(1, end - 1);
            const auto found = std::ranges::find(variables, name, &Variables::value_type::first);
            out += found != variables.end() ? found->second : "$(" + std::string(name) + ")";
            text.remove_prefix(end + 1);
        } else {
            out += '$';
            text.remove_prefix(text.starts_with('$') ? 1 : 0);
        }
    }
    return out;
}

Result<std::string> field_value(const Pod &pod, const std::string &path, const Surroundings &surroundings) {
    const auto known = std::to_array<std::pair<std::string_view, std::string>>({
        {"metadata.name", pod.name},
        {"metadata.namespace", pod.name_space},
        {"metadata.uid", pod.uid},
        {"spec.nodeName", surroundings.node_name},
        {"spec.serviceAccountName", pod.service_account},
        {"status.hostIP", surroundings.node_address},
        {"status.hostIPs", surroundings.node_address},
        {"status.podIP", surroundings.pod_address},
        {"status.podIPs", surroundings.pod_address},
    });
    for (const auto &[name, value] : known) {
        if (path == name) {
            return value;
        }
    }
    for (const auto &[name, map] :
         {std::pair("metadata.labels", &pod.labels), {"metadata.annotations", &pod.annotations}}) {
        if (const auto value = subscripted(path, name, *map)) {
            return *value;
        }
    }
    return fail(EINVAL, "fieldRef: unsupported fieldPath: " + path);
}

Result<std::string> resource_value(const Pod &pod, const Container *own, const ResourceRef &reference,
                                   const Surroundings &surroundings) {
    const Container *container = reference.container.empty() ? own : find_container(pod, reference.container);
    const std::size_t point = reference.resource.find('.');
    const std::string list = reference.resource.substr(0, point);
    const std::string resource = point == std::string::npos ? "" : reference.resource.substr(point + 1);
    if (container == nullptr || (list != "limits" && list != "requests") || resource.empty()) {
        return fail(EINVAL, "resourceFieldRef: no such resource: " + quote(reference.container) + " " +
                                quote(reference.resource));
    }
    const auto &amounts = list == "limits" ? container->resources.limits : container->resources.requests;
    Quantity amount;
    if (const auto found = amounts.find(resource); found != amounts.end()) {
        amount = found->second;
    } else if (list == "limits") {
        amount = resource == "cpu" ? surroundings.node_cpu : resource == "memory" ? surroundings.node_memory : amount;
    }
    const Quantity divisor = reference.divisor.milli() == 0 ? Quantity::of(1) : reference.divisor;
    return std::to_string(amount.in(divisor));
}

Result<std::string> field_text(const Pod &pod, const std::string &path, const Surroundings &surroundings) {
    for (const auto &[name, map] :
         {std::pair("metadata.labels", &pod.labels), {"metadata.annotations", &pod.annotations}}) {
        if (path == name) {
            std::string text;
            for (const auto &[key, value] : *map) {
                text += (text.empty() ? "" : "\n") + key + "=" + quote(value);
            }
            return text;
        }
    }
    return field_value(pod, path, surroundings);
}

Result<Variables> environment_of(const Pod &pod, const Container &container, const Surroundings &surroundings,
                                 const PodObjects &objects) {
    Variables variables = objects.services ? objects.services(pod) : Variables();
    for (const ClusterRef &reference : container.env_from) {
        Result<TextMap> data = data_of(pod, reference, objects);
        if (!data.has_value()) {
            if (reference.optional && (data.error().code == ENOENT || data.error().code == ENOTSUP)) {
                continue;
            }
            return std::unexpected(data.error());
        }
        for (auto &[key, value] : *data) {
            set(variables, reference.prefix + key, std::move(value));
        }
    }
    for (const EnvVar &variable : container.env) {
        Result<std::string> value = value_of(pod, container, variable, surroundings, objects, variables);
        const auto *reference = std::get_if<ClusterRef>(&variable.value);
        if (!value.has_value() && reference != nullptr && reference->optional &&
            (value.error().code == ENOENT || value.error().code == ENOTSUP)) {
            continue;
        }
        set(variables, variable.name, TRY(std::move(value).within("variable " + quote(variable.name))));
    }
    return variables;
}

} // namespace ballast::agent
