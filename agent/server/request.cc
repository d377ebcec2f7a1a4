// SPDX-License-Identifier: Apache-2.0
#include "agent/server/request.h"

#include <ranges>

namespace ballast::agent {
namespace {

unsigned status_of(int code) {
    switch (code) {
    case ENOENT:
        return 404;
    case EINVAL:
        return 400;
    case EACCES:
        return 401;
    case EPERM:
        return 403;
    case EAGAIN:
    case ECANCELED:
    case ETIMEDOUT:
        return 503;
    default:
        return 500;
    }
}

} // namespace

PathParts parts_of(const std::string &path) {
    PathParts parts;
    for (const auto part : std::views::split(std::string_view(path).substr(path.starts_with('/') ? 1 : 0), '/')) {
        parts.emplace_back(part.begin(), part.end());
    }
    return parts;
}

void refuse(http::Exchange &exchange, const Error &error) { refuse(exchange, status_of(error.code), error.message); }

void refuse(http::Exchange &exchange, unsigned status, const std::string &why) {
    // A client that is gone needs no answer, and one that was answered gets no other.
    (void)exchange.answer(status, {{"Content-Type", "text/plain; charset=utf-8"}}, why + "\n");
}

const Json &container_spec(const Json &pod, const std::string &name) {
    static const Json kNone;
    for (const char *list : {"containers", "initContainers", "ephemeralContainers"}) {
        for (const Json &container : json_at(pod, {"spec", list})) {
            if (json_text(container, {"name"}) == name) {
                return container;
            }
        }
    }
    return kNone;
}

} // namespace ballast::agent
