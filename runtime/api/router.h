// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/api/call.h"

namespace ballast::api {

// Answers the call, or fails before it did: then the error is its answer.
using RouteHandler = Status (*)(Call &call);

// A pattern has at most one place for a name: "{id}" is one component of the path, "{name*}" one or several. HEAD is a
// method of its own. The first route that fits counts.
struct Route {
    std::string_view method;
    std::string_view pattern;
    RouteHandler handler;
};

// The name in the pattern's place (empty when it has none); nothing when the path does not fit.
std::optional<std::string> match(std::string_view pattern, std::string_view path);

// The routes of each part, in the order in which they are looked through.
std::span<const Route> system_routes();
std::span<const Route> image_routes();
std::span<const Route> image_transfer_routes();
std::span<const Route> container_routes();
std::span<const Route> stream_routes();
std::span<const Route> archive_routes();
std::span<const Route> exec_routes();
std::span<const Route> volume_routes();
std::span<const Route> network_routes();
std::span<const Route> refused_routes();

// What to call for an unversioned path; nullptr: "page not found".
struct Found {
    RouteHandler handler = nullptr;
    std::string name;
};
Found find_route(std::string_view method, std::string_view path);

// The whole API: http::Server's handler.
void serve(http::Exchange &exchange, Backend &backend);

} // namespace ballast::api
