// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/validate.h"

#include <algorithm>
#include <array>
#include <format>
#include <set>

namespace ballast::agent {
namespace {

constexpr std::size_t kMostLabel = 63;
constexpr std::size_t kMostSubdomain = 253;
constexpr const char *kLabelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr const char *kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= kMostLabel && is_lower_or_digit(text.front()) &&
           is_lower_or_digit(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
    if (text.empty() || text.size() > kMostSubdomain) {
        return false;
    }
    while (true) {
        const std::size_t point = std::min(text.find('.'), text.size());
        const std::string_view part = text.substr(0, point);
        if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back()) ||
            !std::ranges::all_of(part, [](char c) { return is_lower_or_digit(c) || c == '-'; })) {
            return false;
        }
        if (point == text.size()) {
            return true;
        }
        text.remove_prefix(point + 1);
    }
}

class Validator {
  public:
    explicit Validator(const Pod &pod) : pod_(pod) {}

    std::vector<std::string> take() && {
        check_metadata();
        check_volumes();
        if (pod_.containers.empty()) {
            required("spec.containers");
        }
        check_containers(pod_.init_containers, "spec.initContainers", true);
        check_containers(pod_.containers, "spec.containers", false);
        check_containers(pod_.ephemeral_containers, "spec.ephemeralContainers", false);
        check_host_ports();
        check_rest();
        return std::move(problems_);
    }

  private:
    void required(const std::string &field, const std::string &detail = "") {
        problems_.push_back(field + ": Required value" + (detail.empty() ? "" : ": " + detail));
    }
    void invalid(const std::string &field, const std::string &value, const std::string &detail) {
        problems_.push_back(std::format("{}: Invalid value: \"{}\": {}", field, value, detail));
    }
    void duplicate(const std::string &field, const std::string &value) {
        problems_.push_back(std::format("{}: Duplicate value: \"{}\"", field, value));
    }
    void unsupported(const std::string &field, const std::string &value, const std::string &supported) {
        problems_.push_back(
            std::format("{}: Unsupported value: \"{}\": supported values: {}", field, value, supported));
    }
    void check_name(const std::string &field, const std::string &name) {
        if (name.empty()) {
            required(field);
        } else if (!is_label(name)) {
            invalid(field, name, name.size() > kMostLabel ? "must be no more than 63 bytes" : kLabelRule);
        }
    }
    void check_word(const std::string &field, const std::string &value, std::initializer_list<std::string_view> words) {
        if (std::ranges::contains(words, value)) {
            return;
        }
        std::string list;
        for (const std::string_view word : words) {
            list += std::format("{}\"{}\"", list.empty() ? "" : ", ", word);
        }
        unsupported(field, value, list);
    }

    void check_metadata() {
        if (pod_.name.empty()) {
            required("metadata.name", "name or generateName is required");
        } else if (!is_subdomain(pod_.name)) {
            invalid("metadata.name", pod_.name, kSubdomainRule);
        }
        if (!is_label(pod_.name_space)) {
            invalid("metadata.namespace", pod_.name_space, kLabelRule);
        }
        // It is part of paths.
        const bool plain = std::ranges::all_of(
            pod_.uid, [](char c) { return is_lower_or_digit(c) || c == '-' || (c >= 'A' && c <= 'Z'); });
        if (pod_.uid.empty() || !plain || pod_.uid.size() > kMostLabel) {
            invalid("metadata.uid", pod_.uid, "must consist of at most 63 letters, digits and '-'");
        }
    }

    void check_volumes() {
        std::set<std::string> names;
        for (std::size_t i = 0; i < pod_.volumes.size(); i++) {
            const Volume &volume = pod_.volumes[i];
            const std::string field = std::format("spec.volumes[{}]", i);
            check_name(field + ".name", volume.name);
            if (!names.insert(volume.name).second) {
                duplicate(field + ".name", volume.name);
            }
            if (const auto *host = std::get_if<HostPath>(&volume.source)) {
                check_host_path(field + ".hostPath", *host);
            }
        }
    }

    void check_host_path(const std::string &field, const HostPath &volume) {
        if (volume.path.empty()) {
            required(field + ".path");
        } else if (has_parent(volume.path)) {
            invalid(field + ".path", volume.path, "must not contain '..'");
        }
        check_word(
            field + ".type", volume.type,
            {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"});
    }

    static bool has_parent(const std::string &path) { return ("/" + path + "/").contains("/../"); }

    void check_containers(const std::vector<Container> &containers, const std::string &list, bool init) {
        for (std::size_t i = 0; i < containers.size(); i++) {
            const Container &container = containers[i];
            const std::string field = std::format("{}[{}]", list, i);
            check_name(field + ".name", container.name);
            if (!names_.insert(container.name).second) {
                duplicate(field + ".name", container.name);
            }
            check_container(field, container);
            if (init && !container.sidecar &&
                (container.liveness || container.readiness || container.startup || container.post_start ||
                 container.pre_stop)) {
                problems_.push_back(field +
                                    ": Forbidden: may not have probes or lifecycle handlers for init containers "
                                    "without restartPolicy=Always");
            }
        }
    }

    void check_container(const std::string &field, const Container &container) {
        if (container.image.empty()) {
            required(field + ".image");
        } else if (container.image.find_first_of(" \t\n") != std::string::npos) {
            invalid(field + ".image", container.image, "must not have leading or trailing whitespace");
        }
        check_word(field + ".imagePullPolicy", container.pull_policy, {"Always", "IfNotPresent", "Never"});
        check_word(field + ".terminationMessagePolicy", container.termination_policy,
                   {"FallbackToLogsOnError", "File"});
        for (std::size_t i = 0; i < container.env.size(); i++) {
            const std::string &name = container.env[i].name;
            if (name.empty() || name.contains('=')) {
                invalid(std::format("{}.env[{}].name", field, i), name,
                        "a valid environment variable name must not be empty or contain '='");
            }
        }
        for (std::size_t i = 0; i < container.ports.size(); i++) {
            check_port(std::format("{}.ports[{}]", field, i), container.ports[i]);
        }
        check_mounts(field, container);
        check_resources(field + ".resources", container.resources);
        for (const auto &[name, probe] : {std::pair("livenessProbe", &container.liveness),
                                          {"readinessProbe", &container.readiness},
                                          {"startupProbe", &container.startup}}) {
            if (*probe) {
                check_probe(field + "." + name, **probe, std::string_view(name) != "readinessProbe");
            }
        }
    }

    void check_port(const std::string &field, const Port &port) {
        const auto in_range = [](int number) { return number >= 1 && number <= 65535; };
        if (!in_range(port.container)) {
            invalid(field + ".containerPort", std::to_string(port.container), "must be between 1 and 65535, inclusive");
        }
        check_word(field + ".protocol", port.protocol, {"SCTP", "TCP", "UDP"});
        if (pod_.host_network && port.host != 0 && port.host != port.container) {
            invalid(field + ".containerPort", std::to_string(port.container),
                    "must match `hostPort` when `hostNetwork` is set to true");
        }
    }

    void check_mounts(const std::string &field, const Container &container) {
        std::set<std::string> paths;
        for (std::size_t i = 0; i < container.mounts.size(); i++) {
            const VolumeMount &mount = container.mounts[i];
            const std::string at = std::format("{}.volumeMounts[{}]", field, i);
            if (!std::ranges::contains(pod_.volumes, mount.volume, &Volume::name)) {
                problems_.push_back(std::format("{}.name: Not found: \"{}\"", at, mount.volume));
            }
            if (mount.path.empty()) {
                required(at + ".mountPath");
            } else if (!paths.insert(mount.path).second) {
                invalid(at + ".mountPath", mount.path, "must be unique");
            }
            if (mount.sub_path.starts_with('/')) {
                invalid(at + ".subPath", mount.sub_path, "must be a relative path");
            } else if (has_parent(mount.sub_path)) {
                invalid(at + ".subPath", mount.sub_path, "must not contain '..'");
            }
            check_word(at + ".mountPropagation", mount.propagation, {"Bidirectional", "HostToContainer", "None"});
            if (mount.propagation == "Bidirectional" && !container.security.privileged.value_or(false)) {
                problems_.push_back(at + ".mountPropagation: Forbidden: Bidirectional mount propagation is available "
                                         "only to privileged containers");
            }
        }
    }

    void check_resources(const std::string &field, const Resources &resources) {
        for (const auto &[name, request] : resources.requests) {
            const auto limit = resources.limits.find(name);
            if (limit != resources.limits.end() && request > limit->second) {
                invalid(field + ".requests", request.text(),
                        std::format("must be less than or equal to {} limit of {}", name, limit->second.text()));
            }
        }
    }

    void check_probe(const std::string &field, const Probe &probe, bool single_success) {
        if (single_success && probe.success_threshold != 1) {
            invalid(field + ".successThreshold", std::to_string(probe.success_threshold), "must be 1");
        }
        if (const auto *exec = std::get_if<ExecAction>(&probe.action); exec != nullptr && exec->command.empty()) {
            required(field + ".exec.command");
        }
        if (std::holds_alternative<SleepAction>(probe.action)) {
            required(field, "must specify a handler type");
        }
    }

    void check_host_ports() {
        std::set<std::string> taken;
        for (std::size_t c = 0; c < pod_.containers.size(); c++) {
            for (std::size_t i = 0; i < pod_.containers[c].ports.size(); i++) {
                const Port &port = pod_.containers[c].ports[i];
                const std::string key = std::format("{}/{}/{}", port.protocol, port.host_address, port.host);
                if (port.host != 0 && !taken.insert(key).second) {
                    duplicate(std::format("spec.containers[{}].ports[{}].hostPort", c, i), key);
                }
            }
        }
    }

    void check_rest() {
        check_word("spec.dnsPolicy", pod_.dns_policy, {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"});
        if (pod_.dns_policy == "None" && (!pod_.dns || pod_.dns->servers.empty())) {
            required("spec.dnsConfig.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
        }
        if (pod_.grace < 0) {
            invalid("spec.terminationGracePeriodSeconds", std::to_string(pod_.grace),
                    "must be greater than or equal to 0");
        }
        if (pod_.active_deadline && *pod_.active_deadline < 1) {
            invalid("spec.activeDeadlineSeconds", std::to_string(*pod_.active_deadline),
                    "must be between 1 and 2147483647, inclusive");
        }
        for (const auto &[field, value] :
             {std::pair("spec.hostname", &pod_.hostname), {"spec.subdomain", &pod_.subdomain}}) {
            if (!value->empty() && !is_label(*value)) {
                invalid(field, *value, kLabelRule);
            }
        }
        if (pod_.share_processes && pod_.host_pid) {
            invalid("spec.shareProcessNamespace", "true", "ShareProcessNamespace and HostPID cannot both be enabled");
        }
    }

    const Pod &pod_;
    std::set<std::string> names_;
    std::vector<std::string> problems_;
};

} // namespace

std::vector<std::string> validate(const Pod &pod) { return Validator(pod).take(); }

std::string api_references(const Pod &pod) {
    for (const Container *container : all_containers(pod)) {
        for (const EnvVar &variable : container->env) {
            if (const auto *reference = std::get_if<ClusterRef>(&variable.value)) {
                return reference->kind.starts_with("secret") ? "secrets" : "configmaps";
            }
        }
        if (!container->env_from.empty()) {
            return container->env_from.front().kind.starts_with("secret") ? "secrets" : "configmaps";
        }
    }
    for (const Volume &volume : pod.volumes) {
        if (const auto *files = std::get_if<FileVolume>(&volume.source)) {
            for (const FileSource &source : files->sources) {
                if (const auto *object = std::get_if<ObjectFiles>(&source)) {
                    return object->kind == "secret" ? "secrets" : "configmaps";
                }
                if (std::holds_alternative<TokenFile>(source)) {
                    return "serviceaccounts";
                }
            }
        }
        if (std::holds_alternative<ClaimVolume>(volume.source)) {
            return "persistentvolumeclaims";
        }
        if (const auto *source = std::get_if<ClusterVolume>(&volume.source)) {
            return source->kind + " volumes";
        }
    }
    return pod.service_account.empty() ? "" : "serviceaccounts";
}

} // namespace ballast::agent
