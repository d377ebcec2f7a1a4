// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_config.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/json/json_cursor.h"
#include "base/timestamp.h"
#include "runtime/image/manifest.h"

namespace ballast::image {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostHistory = 4096;

std::set<std::string> read_set(const JsonCursor &from) {
    std::set<std::string> names;
    for (const JsonCursor member : from.members()) { // {"80/tcp": {}}
        names.emplace(member.name());
    }
    return names;
}

std::optional<std::vector<std::string>> read_list(const JsonCursor &from) {
    return from.given() ? std::optional(from.texts()) : std::nullopt;
}

Healthcheck read_healthcheck(const JsonCursor &from) {
    Healthcheck check;
    check.test = from.at("Test").texts();
    check.interval = from.at("Interval").number<std::int64_t>(0);
    check.timeout = from.at("Timeout").number<std::int64_t>(0);
    check.start_period = from.at("StartPeriod").number<std::int64_t>(0);
    check.start_interval = from.at("StartInterval").number<std::int64_t>(0);
    check.retries = from.at("Retries").number<std::int64_t>(0);
    return check;
}

RunConfig read_run_config(const JsonCursor &from) {
    RunConfig config;
    config.user = from.at("User").text();
    config.exposed_ports = read_set(from.at("ExposedPorts"));
    config.env = from.at("Env").texts();
    config.entrypoint = read_list(from.at("Entrypoint"));
    config.cmd = read_list(from.at("Cmd"));
    config.volumes = read_set(from.at("Volumes"));
    config.working_dir = from.at("WorkingDir").text();
    for (const JsonCursor label : from.at("Labels").members()) {
        config.labels[std::string(label.name())] = label.text();
    }
    config.stop_signal = from.at("StopSignal").text();
    config.stop_timeout = from.at("StopTimeout").optional_number<std::int64_t>(-1);
    if (const JsonCursor check = from.at("Healthcheck"); check.given()) {
        config.healthcheck = read_healthcheck(check);
    }
    config.on_build = from.at("OnBuild").texts();
    config.shell = from.at("Shell").texts();
    config.args_escaped = from.at("ArgsEscaped").boolean();
    return config;
}

void read_rootfs(const JsonCursor &from, std::vector<Digest> &diff_ids) {
    if (const std::string_view type = from.at("type").view(); !type.empty() && type != "layers") {
        from.at("type").refuse("\"layers\"");
    }
    for (const JsonCursor item : from.at("diff_ids").items(kMostLayers)) {
        Result<Digest> digest = Digest::parse(item.view());
        if (digest.has_value()) {
            diff_ids.push_back(std::move(*digest));
        } else {
            item.fail(digest.error().message);
        }
    }
}

HistoryEntry read_history(const JsonCursor &from) {
    return HistoryEntry{.created = from.at("created").text(),
                        .created_by = from.at("created_by").text(),
                        .author = from.at("author").text(),
                        .comment = from.at("comment").text(),
                        .empty_layer = from.at("empty_layer").boolean()};
}

Json json_of_set(const std::set<std::string> &names) {
    Json json = Json::object();
    for (const std::string &name : names) {
        json[name] = Json::object();
    }
    return json;
}

void put(Json &json, const char *name, const std::string &text) {
    if (!text.empty()) {
        json[name] = text;
    }
}

Json json_of(const Healthcheck &check) {
    Json json = Json::object();
    if (!check.test.empty()) {
        json["Test"] = check.test;
    }
    const std::array<std::pair<const char *, std::int64_t>, 5> numbers{{{"Interval", check.interval},
                                                                        {"Timeout", check.timeout},
                                                                        {"StartPeriod", check.start_period},
                                                                        {"StartInterval", check.start_interval},
                                                                        {"Retries", check.retries}}};
    for (const auto &[name, number] : numbers) {
        if (number != 0) {
            json[name] = number;
        }
    }
    return json;
}

Json json_of(const RunConfig &config) {
    Json json = Json::object();
    put(json, "User", config.user);
    if (!config.exposed_ports.empty()) {
        json["ExposedPorts"] = json_of_set(config.exposed_ports);
    }
    if (!config.env.empty()) {
        json["Env"] = config.env;
    }
    if (config.entrypoint) {
        json["Entrypoint"] = *config.entrypoint;
    }
    if (config.cmd) {
        json["Cmd"] = *config.cmd;
    }
    if (config.healthcheck) {
        json["Healthcheck"] = json_of(*config.healthcheck);
    }
    if (config.args_escaped) {
        json["ArgsEscaped"] = true;
    }
    if (!config.volumes.empty()) {
        json["Volumes"] = json_of_set(config.volumes);
    }
    put(json, "WorkingDir", config.working_dir);
    if (!config.on_build.empty()) {
        json["OnBuild"] = config.on_build;
    }
    if (!config.labels.empty()) {
        json["Labels"] = config.labels;
    }
    put(json, "StopSignal", config.stop_signal);
    if (config.stop_timeout) {
        json["StopTimeout"] = *config.stop_timeout;
    }
    if (!config.shell.empty()) {
        json["Shell"] = config.shell;
    }
    return json;
}

Json json_of(const HistoryEntry &entry) {
    Json json = Json::object();
    put(json, "created", entry.created);
    put(json, "created_by", entry.created_by);
    put(json, "author", entry.author);
    put(json, "comment", entry.comment);
    if (entry.empty_layer) {
        json["empty_layer"] = true;
    }
    return json;
}

} // namespace

std::vector<Digest> ImageConfig::chain_ids() const {
    std::vector<Digest> chain;
    Digest parent;
    for (const Digest &diff_id : diff_ids) {
        parent = chain_id(parent, diff_id);
        chain.push_back(parent);
    }
    return chain;
}

Result<ImageConfig> parse_image_config(std::string_view text, const std::string &name) {
    if (text.size() > kLargestConfig) {
        return fail(EFBIG, name + ": larger than " + std::to_string(kLargestConfig) + " bytes");
    }
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    ImageConfig config;
    config.created = root.at("created").text();
    config.author = root.at("author").text();
    config.comment = root.at("comment").text();
    config.docker_version = root.at("docker_version").text();
    config.platform = normalized(Platform{.os = root.at("os").text(),
                                          .architecture = root.at("architecture").text(),
                                          .variant = root.at("variant").text(),
                                          .os_version = root.at("os.version").text()});
    config.config = read_run_config(root.at("config"));
    read_rootfs(root.need("rootfs"), config.diff_ids);
    for (const JsonCursor entry : root.at("history").items(kMostHistory)) {
        config.history.push_back(read_history(entry));
    }
    TRY(document.status());
    return config;
}

std::string image_config_text(const ImageConfig &config) {
    Json json = Json::object();
    put(json, "architecture", config.platform.architecture);
    put(json, "variant", config.platform.variant);
    put(json, "os", config.platform.os);
    put(json, "os.version", config.platform.os_version);
    put(json, "author", config.author);
    put(json, "comment", config.comment);
    put(json, "created", config.created);
    put(json, "docker_version", config.docker_version);
    json["config"] = json_of(config.config);
    json["rootfs"] = {{"type", "layers"}, {"diff_ids", Json::array()}};
    for (const Digest &diff_id : config.diff_ids) {
        json["rootfs"]["diff_ids"].push_back(diff_id.text());
    }
    json["history"] = Json::array();
    for (const HistoryEntry &entry : config.history) {
        json["history"].push_back(json_of(entry));
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t seconds_of(std::string_view created) { return parse_timestamp_seconds(created).value_or(0); }

} // namespace ballast::image
