// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/model_json.h"

#include <nlohmann/json.hpp>

#include "base/json/json_take.h"
#include "base/quote.h"
#include "base/timestamp.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::ordered_json;

void read_health(const JsonCursor &from, HealthCheck &check) {
    take(from.at("Test"), check.test);
    take(from.at("Interval"), check.interval);
    take(from.at("Timeout"), check.timeout);
    take(from.at("StartPeriod"), check.start_period);
    take(from.at("StartInterval"), check.start_interval);
    take(from.at("Retries"), check.retries);
}

Json health_json(const HealthCheck &check) {
    Json json = Json::object();
    if (!check.test.empty()) {
        json["Test"] = check.test;
    }
    const auto put = [&json](const char *name, Nanoseconds value) {
        if (value.count() != 0) {
            json[name] = value.count();
        }
    };
    put("Interval", check.interval);
    put("Timeout", check.timeout);
    put("StartPeriod", check.start_period);
    put("StartInterval", check.start_interval);
    if (check.retries != 0) {
        json["Retries"] = check.retries;
    }
    return json;
}

Json set_json(const std::set<std::string> &set) {
    Json json = Json::object();
    for (const std::string &entry : set) {
        json[entry] = Json::object();
    }
    return json;
}

Json optional_texts(const std::optional<Texts> &texts) { return texts ? Json(*texts) : Json(nullptr); }

} // namespace

void read_config(const JsonCursor &from, Config &config) {
    take(from.at("Hostname"), config.hostname);
    take(from.at("Domainname"), config.domainname);
    take(from.at("User"), config.user);
    take(from.at("AttachStdin"), config.attach_stdin);
    take(from.at("AttachStdout"), config.attach_stdout);
    take(from.at("AttachStderr"), config.attach_stderr);
    take(from.at("ExposedPorts"), config.exposed_ports);
    take(from.at("Tty"), config.tty);
    take(from.at("OpenStdin"), config.open_stdin);
    take(from.at("StdinOnce"), config.stdin_once);
    take(from.at("Env"), config.env);
    take(from.at("Cmd"), config.cmd);
    if (const JsonCursor health = from.at("Healthcheck"); health.given()) {
        read_health(health, config.health_check.emplace());
    }
    take(from.at("Image"), config.image);
    take(from.at("Volumes"), config.volumes);
    take(from.at("WorkingDir"), config.working_dir);
    take(from.at("Entrypoint"), config.entrypoint);
    take(from.at("NetworkDisabled"), config.network_disabled);
    take(from.at("MacAddress"), config.mac_address);
    take(from.at("OnBuild"), config.on_build);
    take(from.at("Labels"), config.labels);
    take(from.at("StopSignal"), config.stop_signal);
    take(from.at("StopTimeout"), config.stop_timeout);
    take(from.at("Shell"), config.shell);
}

Json config_json(const Config &config) {
    Json json = {{"Hostname", config.hostname},
                 {"Domainname", config.domainname},
                 {"User", config.user},
                 {"AttachStdin", config.attach_stdin},
                 {"AttachStdout", config.attach_stdout},
                 {"AttachStderr", config.attach_stderr}};
    if (!config.exposed_ports.empty()) {
        json["ExposedPorts"] = set_json(config.exposed_ports);
    }
    json["Tty"] = config.tty;
    json["OpenStdin"] = config.open_stdin;
    json["StdinOnce"] = config.stdin_once;
    json["Env"] = config.env;
    json["Cmd"] = optional_texts(config.cmd);
    if (config.health_check) {
        json["Healthcheck"] = health_json(*config.health_check);
    }
    json["Image"] = config.image;
    json["Volumes"] = config.volumes.empty() ? Json(nullptr) : set_json(config.volumes);
    json["WorkingDir"] = config.working_dir;
    json["Entrypoint"] = optional_texts(config.entrypoint);
    if (config.network_disabled) {
        json["NetworkDisabled"] = true;
    }
    if (!config.mac_address.empty()) {
        json["MacAddress"] = config.mac_address;
    }
    json["OnBuild"] = config.on_build.empty() ? Json(nullptr) : Json(config.on_build);
    json["Labels"] = config.labels;
    if (!config.stop_signal.empty()) {
        json["StopSignal"] = config.stop_signal;
    }
    if (config.stop_timeout) {
        json["StopTimeout"] = *config.stop_timeout;
    }
    if (!config.shell.empty()) {
        json["Shell"] = config.shell;
    }
    return json;
}

EndpointRequest read_endpoint(const JsonCursor &from) {
    EndpointRequest request;
    take(from.at("IPAMConfig").at("IPv4Address"), request.ipv4_address);
    take(from.at("IPAMConfig").at("IPv6Address"), request.ipv6_address);
    take(from.at("IPAMConfig").at("LinkLocalIPs"), request.link_local_ips);
    take(from.at("MacAddress"), request.mac_address);
    take(from.at("Links"), request.links);
    take(from.at("Aliases"), request.aliases);
    take(from.at("DriverOpts"), request.driver_options);
    return request;
}

void read_networking(const JsonCursor &from, NetworkingConfig &networking) {
    for (const JsonCursor member : from.members()) {
        networking[std::string(member.name())] = read_endpoint(from.at(member.name()));
    }
}

Json networking_json(const NetworkingConfig &networking) {
    Json json = Json::object();
    for (const auto &[name, request] : networking) {
        json[name] = {{"IPAMConfig",
                       {{"IPv4Address", request.ipv4_address},
                        {"IPv6Address", request.ipv6_address},
                        {"LinkLocalIPs", request.link_local_ips}}},
                      {"MacAddress", request.mac_address},
                      {"Links", request.links},
                      {"Aliases", request.aliases},
                      {"DriverOpts", request.driver_options}};
    }
    return json;
}

Json mount_point_json(const MountPoint &mount) {
    Json json = {{"Type", mount.type}};
    if (!mount.name.empty()) {
        json["Name"] = mount.name;
    }
    json["Source"] = mount.source;
    json["Destination"] = mount.destination;
    if (!mount.driver.empty()) {
        json["Driver"] = mount.driver;
    }
    json["Mode"] = mount.mode;
    json["RW"] = mount.writable;
    json["Propagation"] = mount.propagation;
    return json;
}

std::string time_text(Time time) {
    return time == kNever ? "0001-01-01T00:00:00Z" : timestamp(time.time_since_epoch().count());
}

Result<Time> parse_time(std::string_view text) {
    constexpr std::int64_t kSecondYear = -62'104'060'800; // "0002-01-01T00:00:00Z": before it stands "never"
    if (const std::optional<std::int64_t> time = parse_timestamp(text)) {
        return Time(Nanoseconds(*time));
    }
    if (const std::optional<std::int64_t> seconds = parse_timestamp_seconds(text); seconds && *seconds < kSecondYear) {
        return kNever;
    }
    return fail(EINVAL, "want a time as 2026-01-31T10:00:00Z, have " + quote(text.substr(0, 64)));
}

} // namespace ballast::engine
