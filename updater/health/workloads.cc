// SPDX-License-Identifier: Apache-2.0
#include "updater/health/workloads.h"

#include <algorithm>
#include <sstream>

#include "base/json/json_cursor.h"

namespace ballast::updater::health {
namespace {

constexpr std::size_t kFrameHeader = 8; // stream, three zeros, length of what follows (big endian)
// Docker's defaults for a health check that leaves them open.
constexpr std::int64_t kDefaultPause = 30'000'000'000; // nanoseconds, of interval and timeout
constexpr std::int64_t kDefaultRetries = 3;

std::int64_t or_default(const JsonCursor &number, std::int64_t otherwise) {
    const auto value = number.number<std::int64_t>(0);
    return value == 0 ? otherwise : value;
}

std::chrono::seconds health_time(const JsonCursor &check) {
    const std::int64_t one =
        or_default(check.at("Interval"), kDefaultPause) + or_default(check.at("Timeout"), kDefaultPause);
    const std::int64_t retries = or_default(check.at("Retries"), kDefaultRetries);
    constexpr std::int64_t kLongest = 86'400; // seconds; what asks for more is not waited for
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t seconds = check.at("StartPeriod").number<std::int64_t>(0) / kSecond +
                                 std::min(one / kSecond, kLongest) * std::min(retries, kLongest);
    return std::chrono::seconds(std::min(seconds, kLongest));
}

void read_health(const JsonCursor &root, Container &container) {
    const JsonCursor health = root.at("State").at("Health");
    if (!health.given()) {
        return;
    }
    container.health = health.at("Status").text();
    for (const JsonCursor entry : health.at("Log").items()) {
        container.health_output = entry.at("Output").text();
    }
    container.health_time = health_time(root.at("Config").at("Healthcheck"));
}

bool is_workload(const Container &container) {
    return container.running && (container.policy == "always" || container.policy == "unless-stopped");
}

} // namespace

Result<Container> parse_container(std::string_view json) {
    JsonDocument document = TRY(JsonDocument::parse(json, "the engine's answer"));
    const JsonCursor root(document);
    const JsonCursor state = root.need("State");
    Container container{.id = root.need("Id").text(),
                        .name = root.need("Name").text(),
                        .policy = root.at("HostConfig").at("RestartPolicy").at("Name").text(),
                        .status = state.need("Status").text(),
                        .running = state.at("Running").boolean() && !state.at("Restarting").boolean(),
                        .started = state.at("StartedAt").text(),
                        .exit_code = state.at("ExitCode").number<int>(),
                        .error = state.at("Error").text(),
                        .health = {},
                        .health_output = {},
                        .health_time = {}};
    container.name.erase(0, container.name.starts_with('/') ? 1 : 0);
    read_health(root, container);
    TRY(document.status());
    return container;
}

Result<std::vector<std::string>> parse_container_list(std::string_view json) {
    JsonDocument document = TRY(JsonDocument::parse(json, "the engine's answer"));
    std::vector<std::string> ids;
    for (const JsonCursor item : JsonCursor(document).items()) {
        ids.push_back(item.need("Id").text());
    }
    TRY(document.status());
    return ids;
}

std::vector<std::string> parse_log(std::string_view body) {
    std::string text;
    const bool framed =
        body.size() >= kFrameHeader && body[0] <= 2 && body.substr(1, 3) == std::string_view("\0\0\0", 3);
    while (framed && body.size() >= kFrameHeader) {
        std::size_t length = 0;
        for (const char byte : body.substr(4, 4)) {
            length = length << 8U | static_cast<unsigned char>(byte);
        }
        text += body.substr(kFrameHeader, length);
        body.remove_prefix(std::min(body.size(), kFrameHeader + length));
    }
    std::istringstream stream(framed ? std::move(text) : std::string(body));
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) {
        line.erase(line.find_last_not_of('\r') + 1);
        lines.push_back(std::move(line));
    }
    return lines;
}

Result<std::vector<Container>> all_containers(const Surroundings &machine) {
    std::vector<Container> containers;
    for (const std::string &id : TRY(parse_container_list(TRY(machine.engine("/containers/json?all=1"))))) {
        const Result<std::string> answer = machine.engine("/containers/" + id + "/json");
        if (!answer.has_value() && answer.error().code == ENOENT) {
            continue; // removed since the list was made
        }
        containers.push_back(TRY(parse_container(TRY(answer))));
    }
    std::ranges::sort(containers, {}, &Container::name);
    return containers;
}

std::vector<Workload> workloads_of(const std::vector<Container> &containers) {
    std::vector<Workload> workloads;
    for (const Container &container : containers) {
        if (is_workload(container)) {
            workloads.push_back({.id = container.id,
                                 .name = container.name,
                                 .healthy = container.health == "healthy",
                                 .patience = container.health_time});
        }
    }
    return workloads;
}

std::vector<std::string> others_of(const std::vector<Container> &containers) {
    std::vector<std::string> names;
    for (const Container &container : containers) {
        if (!is_workload(container)) {
            names.push_back(container.name);
        }
    }
    return names;
}

} // namespace ballast::updater::health
