// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"
#include "runtime/api/views.h"

namespace ballast::api {
namespace {

Json texts_or_null(const std::optional<std::vector<std::string>> &texts) {
    return texts ? Json(*texts) : Json(nullptr);
}

Json set_or_null(const std::set<std::string> &names) {
    if (names.empty()) {
        return nullptr;
    }
    Json object = Json::object();
    for (const std::string &name : names) {
        object[name] = Json::object();
    }
    return object;
}

Json map_or_null(const std::map<std::string, std::string> &values) {
    if (values.empty()) {
        return nullptr;
    }
    Json object = Json::object();
    for (const auto &[name, value] : values) {
        object[name] = value;
    }
    return object;
}

Json run_config_view(const image::RunConfig &config) {
    Json view{{"Hostname", ""},       {"Domainname", ""},      {"User", config.user},
              {"AttachStdin", false}, {"AttachStdout", false}, {"AttachStderr", false}};
    if (!config.exposed_ports.empty()) {
        view["ExposedPorts"] = set_or_null(config.exposed_ports);
    }
    view["Tty"] = view["OpenStdin"] = view["StdinOnce"] = false;
    view["Env"] = config.env.empty() ? Json(nullptr) : Json(config.env);
    view["Cmd"] = texts_or_null(config.cmd);
    if (config.healthcheck) {
        view["Healthcheck"] = {{"Test", config.healthcheck->test},
                               {"Interval", config.healthcheck->interval},
                               {"Timeout", config.healthcheck->timeout},
                               {"StartPeriod", config.healthcheck->start_period},
                               {"StartInterval", config.healthcheck->start_interval},
                               {"Retries", config.healthcheck->retries}};
    }
    view["Image"] = "";
    view["Volumes"] = set_or_null(config.volumes);
    view["WorkingDir"] = config.working_dir;
    view["Entrypoint"] = texts_or_null(config.entrypoint);
    view["OnBuild"] = config.on_build.empty() ? Json(nullptr) : Json(config.on_build);
    view["Labels"] = map_or_null(config.labels);
    if (!config.stop_signal.empty()) {
        view["StopSignal"] = config.stop_signal;
    }
    if (config.stop_timeout) {
        view["StopTimeout"] = *config.stop_timeout;
    }
    if (!config.shell.empty()) {
        view["Shell"] = config.shell;
    }
    return view;
}

} // namespace

Json image_view(const image::Image &image, unsigned version) {
    const image::ImageConfig &config = image.config;
    Json layers = Json::array();
    for (const image::Digest &layer : config.diff_ids) {
        layers.push_back(layer.text());
    }
    Json view{{"Id", image.id.text()},         {"RepoTags", image.tags},    {"RepoDigests", image.digests},
              {"Parent", image.parent.text()}, {"Comment", config.comment}, {"Created", config.created}};
    if (version < 45) {
        view["Container"] = "";
        view["ContainerConfig"] = run_config_view({});
    }
    view["DockerVersion"] = config.docker_version;
    view["Author"] = config.author;
    view["Config"] = run_config_view(config.config);
    view["Architecture"] = config.platform.architecture;
    if (!config.platform.variant.empty()) {
        view["Variant"] = config.platform.variant;
    }
    view["Os"] = config.platform.os;
    view["Size"] = image.bytes;
    if (version < 44) {
        view["VirtualSize"] = image.bytes;
    }
    view["GraphDriver"] = {{"Data", nullptr}, {"Name", "overlay2"}};
    view["RootFS"] = {{"Type", "layers"}, {"Layers", std::move(layers)}};
    view["Metadata"] = {
        {"LastTagTime", image.tagged == 0 ? "0001-01-01T00:00:00Z" : timestamp(image.tagged * 1'000'000'000)}};
    return view;
}

Json image_summary(const image::Image &image, unsigned version, std::int64_t shared_size, std::int64_t containers) {
    Json view{{"Containers", containers},
              {"Created", image::seconds_of(image.config.created)},
              {"Id", image.id.text()},
              {"Labels", map_or_null(image.config.config.labels)},
              {"ParentId", image.parent.text()},
              {"RepoDigests", image.digests},
              {"RepoTags", image.tags},
              {"SharedSize", shared_size},
              {"Size", image.bytes}};
    if (version < 44) {
        view["VirtualSize"] = image.bytes;
    }
    return view;
}

} // namespace ballast::api
