// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/router.h"

#include <array>
#include <format>

#include "base/log.h"
#include "base/quote.h"
#include "runtime/api/version.h"
#include "runtime/image/disk_space.h"

namespace ballast::api {

std::optional<std::string> match(std::string_view pattern, std::string_view path) {
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) {
        return pattern == path ? std::optional(std::string()) : std::nullopt;
    }
    const std::size_t close = pattern.find('}', open);
    const bool several = pattern[close - 1] == '*';
    const std::string_view before = pattern.substr(0, open);
    const std::string_view behind = pattern.substr(close + 1);
    if (path.size() <= before.size() + behind.size() || !path.starts_with(before) || !path.ends_with(behind)) {
        return std::nullopt;
    }
    const std::string_view name = path.substr(before.size(), path.size() - before.size() - behind.size());
    if (!several && name.contains('/')) {
        return std::nullopt;
    }
    return std::string(name);
}

Found find_route(std::string_view method, std::string_view path) {
    const std::array parts{system_routes(),  container_routes(), stream_routes(),         archive_routes(),
                           exec_routes(),    image_routes(),     image_transfer_routes(), volume_routes(),
                           network_routes(), refused_routes()};
    for (const std::span<const Route> part : parts) {
        for (const Route &route : part) {
            if (route.method != method && route.method != "*") {
                continue;
            }
            if (std::optional<std::string> name = match(route.pattern, path)) {
                return {route.handler, std::move(*name)};
            }
        }
    }
    return {};
}

void serve(http::Exchange &exchange, Backend &backend) {
    const http::Request &request = exchange.request();
    const VersionedPath versioned = split_version(request.path);
    const Result<unsigned> version = negotiate(versioned.version);
    Found found = find_route(request.method, versioned.path);
    Call call(exchange, backend, version.value_or(kNewest), std::move(found.name));
    Status done;
    if (!version.has_value()) {
        done = call.refuse(version.error());
    } else if (found.handler == nullptr) {
        done = call.refuse(404, "page not found");
    } else {
        done = found.handler(call);
        if (!done.has_value() && !exchange.answered()) {
            if (status_of(done.error().code) == 500) {
                log::error(std::format("{} {}: {}", request.method, quote(request.path), done.error().message));
            }
            done = call.refuse(image::explain_full_disk(done, call.engine().settings().data_root).error());
        }
    }
    if (!done.has_value()) {
        // The client hung up, most of the time.
        log::debug(std::format("{} {}: {}", request.method, quote(request.path), done.error().message));
    }
}

} // namespace ballast::api
