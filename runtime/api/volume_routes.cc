// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/router.h"
#include "runtime/api/views.h"

namespace ballast::api {
namespace {

Status list(Call &call) {
    const engine::Filters filters = TRY(call.filters());
    TRY(check_filters(filters, {"dangling", "driver", "label", "name"}));
    Json volumes = Json::array();
    for (const engine::VolumeView &volume : TRY(call.engine().list_volumes(filters))) {
        volumes.push_back(volume_view(volume));
    }
    return call.answer(200, {{"Volumes", std::move(volumes)}, {"Warnings", nullptr}});
}

std::map<std::string, std::string> read_map(const JsonCursor &object) {
    std::map<std::string, std::string> values;
    for (const JsonCursor member : object.members()) {
        values[std::string(member.name())] = member.text();
    }
    return values;
}

Status create(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body(false));
    const JsonCursor root(*body);
    engine::VolumeRequest request;
    request.name = root.at("Name").text();
    request.driver = root.at("Driver").text();
    request.options = read_map(root.at("DriverOpts"));
    request.labels = read_map(root.at("Labels"));
    const bool cluster = root.at("ClusterVolumeSpec").given();
    TRY(body->status());
    if (cluster) {
        return fail(ENOTSUP, "cluster volumes belong to swarm, which this engine does not have");
    }
    return call.answer(201, volume_view(TRY(call.engine().create_volume(request))));
}

Status inspect(Call &call) { return call.answer(200, volume_view(TRY(call.engine().inspect_volume(call.name())))); }

Status remove(Call &call) {
    TRY(call.engine().remove_volume(call.name(), call.flag("force")));
    return call.nothing();
}

Status update(Call &call) {
    return call.refuse(503, "only cluster volumes can be updated, and this engine is not part of a swarm");
}

Status prune(Call &call) {
    engine::Filters filters = TRY(call.filters());
    TRY(check_filters(filters, {"all", "label", "label!"}));
    if (call.version() < 42) {
        filters["all"] = {"true"}; // before 1.42 there was no difference between anonymous volumes and others
    }
    const engine::Pruned pruned = TRY(call.engine().prune_volumes(filters));
    return call.answer(200, {{"VolumesDeleted", pruned.removed.empty() ? Json(nullptr) : Json(pruned.removed)},
                             {"SpaceReclaimed", pruned.space_reclaimed}});
}

constexpr Route kRoutes[] = {
    {"GET", "/volumes", list},           {"POST", "/volumes/create", create},   {"POST", "/volumes/prune", prune},
    {"GET", "/volumes/{name}", inspect}, {"DELETE", "/volumes/{name}", remove}, {"PUT", "/volumes/{name}", update},
};

} // namespace

std::span<const Route> volume_routes() { return kRoutes; }

} // namespace ballast::api
