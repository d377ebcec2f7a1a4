// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/image_defaults.h"

#include <algorithm>

namespace ballast::engine {
namespace {

std::string_view variable_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

bool sets(const Texts &env, std::string_view variable) {
    return std::ranges::any_of(env, [variable](const std::string &entry) { return variable_of(entry) == variable; });
}

void take_health(Config &config, const image::Healthcheck &defaults) {
    HealthCheck &check = config.health_check ? *config.health_check : config.health_check.emplace();
    const auto fill = [](Nanoseconds &value, std::int64_t otherwise) {
        if (value.count() == 0) {
            value = Nanoseconds(otherwise);
        }
    };
    if (check.test.empty()) {
        check.test = defaults.test;
    }
    fill(check.interval, defaults.interval);
    fill(check.timeout, defaults.timeout);
    fill(check.start_period, defaults.start_period);
    fill(check.start_interval, defaults.start_interval);
    if (check.retries == 0) {
        check.retries = static_cast<int>(defaults.retries);
    }
}

void take_if_empty(std::string &value, const std::string &otherwise) {
    if (value.empty()) {
        value = otherwise;
    }
}

} // namespace

void apply_image(Config &config, const image::RunConfig &defaults) {
    Texts env;
    for (const std::string &entry : defaults.env) {
        if (!sets(config.env, variable_of(entry))) {
            env.push_back(entry);
        }
    }
    env.insert(env.end(), config.env.begin(), config.env.end());
    std::erase_if(env, [](const std::string &entry) { return !entry.contains('='); }); // the user took it away
    config.env = std::move(env);
    if (!config.entrypoint || config.entrypoint->empty()) {
        if (!config.cmd || config.cmd->empty()) {
            config.cmd = defaults.cmd;
        }
        config.entrypoint = defaults.entrypoint;
    } else if (*config.entrypoint == Texts{""}) {
        config.entrypoint.reset(); // --entrypoint "" asks for none
    }
    config.labels.insert(defaults.labels.begin(), defaults.labels.end());
    config.volumes.insert(defaults.volumes.begin(), defaults.volumes.end());
    config.exposed_ports.insert(defaults.exposed_ports.begin(), defaults.exposed_ports.end());
    take_if_empty(config.user, defaults.user);
    take_if_empty(config.working_dir, defaults.working_dir);
    take_if_empty(config.stop_signal, defaults.stop_signal);
    if (!config.stop_timeout && defaults.stop_timeout) {
        config.stop_timeout = static_cast<int>(*defaults.stop_timeout);
    }
    if (defaults.healthcheck) {
        take_health(config, *defaults.healthcheck);
    }
    if (config.shell.empty()) {
        config.shell = defaults.shell;
    }
    if (config.on_build.empty()) {
        config.on_build = defaults.on_build;
    }
}

image::RunConfig image_part(const Config &config) {
    image::RunConfig part;
    part.user = config.user;
    part.exposed_ports = config.exposed_ports;
    part.env = config.env;
    part.entrypoint = config.entrypoint;
    part.cmd = config.cmd;
    part.volumes = config.volumes;
    part.working_dir = config.working_dir;
    part.labels = config.labels;
    part.stop_signal = config.stop_signal;
    if (config.stop_timeout) {
        part.stop_timeout = *config.stop_timeout;
    }
    if (config.health_check) {
        part.healthcheck = image::Healthcheck{.test = config.health_check->test,
                                              .interval = config.health_check->interval.count(),
                                              .timeout = config.health_check->timeout.count(),
                                              .start_period = config.health_check->start_period.count(),
                                              .start_interval = config.health_check->start_interval.count(),
                                              .retries = config.health_check->retries};
    }
    part.on_build = config.on_build;
    part.shell = config.shell;
    return part;
}

} // namespace ballast::engine
