// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/router.h"
#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"
#include "base/base64.h"

namespace ballast::api {
namespace {

constexpr const char *kStatHeader = "X-Docker-Container-Path-Stat";

std::string stat_text(const engine::PathStat &stat) {
    return base64(text_of({{"name", stat.name},
                                     {"size", stat.size},
                                     {"mode", go_file_mode(stat.mode)},
                                     {"mtime", engine::time_text(stat.modified)},
                                     {"linkTarget", stat.link_target}}));
}

Result<std::string> path_of(Call &call) {
    const std::string_view path = call.query("path");
    if (path.empty()) {
        return fail(EINVAL, "bad parameter: path cannot be empty");
    }
    return std::string(path);
}

Status stat(Call &call) {
    const engine::PathStat stat = TRY(call.engine().stat_path(call.name(), TRY(path_of(call))));
    return call.exchange().answer(200, call.headers({}, {{kStatHeader, stat_text(stat)}}), {});
}

Status get(Call &call) {
    TRY(call.engine().archive_out(
        call.name(), TRY(path_of(call)),
        [&](const engine::PathStat &stat) {
            return call.exchange().begin(200, call.headers("application/x-tar", {{kStatHeader, stat_text(stat)}}));
        },
        [&](std::string_view bytes) { return call.exchange().write(bytes); }));
    return call.exchange().finish();
}

Status put(Call &call) {
    const engine::ArchivePut options{.no_overwrite_dir_non_dir = call.flag("noOverwriteDirNonDir"),
                                     .copy_uid_gid = call.flag("copyUIDGID")};
    TRY(call.engine().archive_in(
        call.name(), TRY(path_of(call)), [&](std::span<char> room) { return call.exchange().read_body(room); },
        options));
    return call.nothing(200);
}

// The head comes with the first byte: a container that is not there is still a 404.
Status export_filesystem(Call &call) {
    TRY(call.engine().export_filesystem(call.name(), [&](std::string_view bytes) -> Status {
        if (!call.exchange().answered()) {
            TRY(call.exchange().begin(200, call.headers("application/octet-stream")));
        }
        return call.exchange().write(bytes);
    }));
    return call.exchange().finish();
}

constexpr Route kRoutes[] = {
    {"HEAD", "/containers/{id}/archive", stat},
    {"GET", "/containers/{id}/archive", get},
    {"PUT", "/containers/{id}/archive", put},
    {"GET", "/containers/{id}/export", export_filesystem},
};

} // namespace

std::span<const Route> archive_routes() { return kRoutes; }

} // namespace ballast::api
