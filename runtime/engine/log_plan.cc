// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/log_plan.h"

#include "runtime/engine/names.h"
#include "runtime/log/attributes.h"

namespace ballast::engine {
namespace {

// "{{.ID}}" and the like in the option `tag`.
std::string resolved_tag(const HostConfig &host, const Snapshot &container) {
    const auto given = host.log_config.config.find("tag");
    std::string tag = given == host.log_config.config.end() || given->second.empty() ? "{{.ID}}" : given->second;
    const std::string image = container.image_id.substr(container.image_id.find(':') + 1);
    const std::pair<const char *, std::string> words[] = {{"{{.ID}}", short_id(container.id)},
                                                          {"{{.FullID}}", container.id},
                                                          {"{{.Name}}", container.name},
                                                          {"{{.ImageID}}", short_id(image)},
                                                          {"{{.ImageFullID}}", container.image_id},
                                                          {"{{.ImageName}}", container.config.image},
                                                          {"{{.DaemonName}}", "docker"}};
    for (const auto &[word, value] : words) {
        for (std::size_t at = tag.find(word); at != std::string::npos; at = tag.find(word, at + value.size())) {
            tag.replace(at, std::string_view(word).size(), value);
        }
    }
    return tag;
}
} // namespace

Result<container_log::WriterSettings> log_settings(const Snapshot &container) {
    const HostConfig &host = container.host;
    container_log::Pairs options(host.log_config.config.begin(), host.log_config.config.end());
    const container_log::Pairs labels(container.config.labels.begin(), container.config.labels.end());
    container_log::Pairs environment;
    for (const std::string &entry : container.config.env) {
        const std::size_t equals = entry.find('=');
        environment.emplace_back(entry.substr(0, equals), equals == std::string::npos ? "" : entry.substr(equals + 1));
    }
    container_log::WriterSettings settings;
    settings.driver = host.log_config.type;
    settings.path = container.log_path;
    settings.attributes = TRY(container_log::log_attributes(options, labels, environment));
    settings.options = TRY(container_log::resolved_options(std::move(options)));
    settings.container_id = container.id;
    settings.container_name = container.name;
    settings.image_name = container.config.image;
    settings.tag = resolved_tag(host, container);
    return settings;
}
} // namespace ballast::engine
