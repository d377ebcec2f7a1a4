// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/json/json_cursor.h"
#include "base/result.h"
#include "runtime/engine/model.h"

// The model in the Docker Engine API's own names and forms, for the records on disk and for the API's bodies alike.
// Unknown members are passed over, as Docker does. A wrong type, or a number out of its type's range, is noted in the
// cursor's document with its path. Missing members and null keep what is there.
namespace ballast::engine {

void read_config(const JsonCursor &from, Config &config);
void read_host_config(const JsonCursor &from, HostConfig &host);
void read_resources(const JsonCursor &from, Resources &resources); // also the body of /containers/ID/update
void read_restart_policy(const JsonCursor &from, RestartPolicy &policy);
void read_networking(const JsonCursor &from, NetworkingConfig &networking); // the value of EndpointsConfig
EndpointRequest read_endpoint(const JsonCursor &from);                      // one of those
void read_mount(const JsonCursor &from, MountSpec &mount);

nlohmann::ordered_json config_json(const Config &config);
nlohmann::ordered_json host_config_json(const HostConfig &host);
nlohmann::ordered_json networking_json(const NetworkingConfig &networking);
nlohmann::ordered_json mount_point_json(const MountPoint &mount); // an entry of Mounts in `inspect`

// RFC 3339 with nanoseconds, UTC: "2026-11-21T20:51:19.123456789Z"; kNever as "0001-01-01T00:00:00Z".
std::string time_text(Time time);
Result<Time> parse_time(std::string_view text);

} // namespace ballast::engine
