// SPDX-License-Identifier: Apache-2.0
#include "updater/health/baseline.h"

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/log.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char *kFile = "baseline.json";
constexpr mode_t kPrivateDirectory = 0700, kPrivateFile = 0600;

Json interfaces_json(const std::vector<Interface> &interfaces) {
    Json list = Json::array();
    for (const Interface &interface : interfaces) {
        list.push_back({{"name", interface.name},
                        {"ipv4", interface.ipv4},
                        {"ipv6", interface.ipv6},
                        {"ipv4-default", interface.ipv4_default},
                        {"ipv6-default", interface.ipv6_default}});
    }
    return list;
}

Json workloads_json(const std::vector<Workload> &workloads) {
    Json list = Json::array();
    for (const Workload &workload : workloads) {
        list.push_back({{"id", workload.id},
                        {"name", workload.name},
                        {"healthy", workload.healthy},
                        {"patience-seconds", workload.patience.count()}});
    }
    return list;
}

std::vector<Interface> read_interfaces(const JsonCursor &from) {
    std::vector<Interface> interfaces;
    for (const JsonCursor item : from.items()) {
        interfaces.push_back({.name = item.need("name").text(),
                              .ipv4 = item.at("ipv4").boolean(),
                              .ipv6 = item.at("ipv6").boolean(),
                              .ipv4_default = item.at("ipv4-default").boolean(),
                              .ipv6_default = item.at("ipv6-default").boolean()});
    }
    return interfaces;
}

std::vector<Workload> read_workloads(const JsonCursor &from) {
    std::vector<Workload> workloads;
    for (const JsonCursor item : from.items()) {
        workloads.push_back({.id = item.need("id").text(),
                             .name = item.need("name").text(),
                             .healthy = item.at("healthy").boolean(),
                             .patience = std::chrono::seconds(item.at("patience-seconds").number<std::uint32_t>())});
    }
    return workloads;
}

} // namespace

std::string format_baseline(const Baseline &baseline) {
    Json json{{"time", baseline.time}, {"deployment", baseline.deployment}};
    if (baseline.failing_units) {
        json["failing-units"] = *baseline.failing_units;
    }
    if (baseline.running_units) {
        json["running-units"] = *baseline.running_units;
    }
    if (baseline.interfaces) {
        json["interfaces"] = interfaces_json(*baseline.interfaces);
    }
    if (baseline.workloads) {
        json["workloads"] = workloads_json(*baseline.workloads);
    }
    json["other-containers"] = baseline.other_containers;
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Baseline> parse_baseline(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    Baseline baseline{.time = root.need("time").number<std::int64_t>(0),
                      .deployment = root.at("deployment").text(),
                      .failing_units = {},
                      .running_units = {},
                      .interfaces = {},
                      .workloads = {},
                      .other_containers = root.at("other-containers").texts()};
    if (const JsonCursor units = root.at("failing-units"); units.given()) {
        baseline.failing_units = units.texts();
    }
    if (const JsonCursor units = root.at("running-units"); units.given()) {
        baseline.running_units = units.texts();
    }
    if (const JsonCursor interfaces = root.at("interfaces"); interfaces.given()) {
        baseline.interfaces = read_interfaces(interfaces);
    }
    if (const JsonCursor workloads = root.at("workloads"); workloads.given()) {
        baseline.workloads = read_workloads(workloads);
    }
    TRY(document.status());
    return baseline;
}

std::optional<Baseline> load_baseline(const fs::path &directory) {
    const fs::path file = directory / kFile;
    const Result<std::string> text = read_file(file);
    if (!text.has_value() && text.error().code == ENOENT) {
        return std::nullopt;
    }
    Result<Baseline> baseline = text.has_value() ? parse_baseline(*text, file.string()) : std::unexpected(text.error());
    if (!baseline.has_value()) {
        log::warning("read what the machine was like: " + baseline.error().message + ", ignoring");
        return std::nullopt;
    }
    return std::move(*baseline);
}

Status keep_baseline(const fs::path &directory, const Baseline &baseline) {
    TRY(make_directories(directory, kPrivateDirectory));
    return replace_file(directory / kFile, format_baseline(baseline), kPrivateFile);
}

} // namespace ballast::updater::health
