// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "runtime/api/create_body.h"
#include "runtime/api/router.h"
#include "runtime/api/times.h"
#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"

namespace ballast::api {
namespace {

// The name that a container's image is shown under: what the user said, as long as that still means the same image.
class ImageLabels {
  public:
    explicit ImageLabels(image::ImageStore &images) : images_(images) {}
    const std::string &of(const engine::Snapshot &container) {
        auto [place, is_new] = known_.try_emplace({container.config.image, container.image_id});
        if (is_new) {
            const Result<image::Image> found = images_.find(container.config.image);
            const bool same = found.has_value() && found->id.text() == container.image_id;
            place->second = same ? container.config.image : container.image_id;
        }
        return place->second;
    }

  private:
    image::ImageStore &images_;
    std::map<std::pair<std::string, std::string>, std::string> known_;
};

Status list(Call &call) {
    engine::ListOptions options;
    options.filters = TRY(call.filters());
    TRY(check_filters(options.filters,
                      {"ancestor", "before", "expose", "exited", "health", "id", "isolation", "is-task", "label",
                       "name", "network", "publish", "since", "status", "volume"}));
    options.all = call.flag("all");
    options.size = call.flag("size");
    options.limit = static_cast<int>(TRY(call.number("limit", -1, 1 << 30)).value_or(0));
    options.limit = std::max(options.limit, 0);
    ImageLabels labels(call.images());
    Json answer = Json::array();
    for (const engine::Snapshot &container : TRY(call.engine().list(options))) {
        answer.push_back(container_summary(container, labels.of(container), now(), options.size));
    }
    return call.answer(200, answer);
}

Status create(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body());
    engine::CreateRequest request = read_create_request(JsonCursor(*body));
    TRY(body->status());
    const std::string_view name = call.query("name");
    request.name = name.starts_with('/') ? name.substr(1) : name;
    request.platform = call.query("platform");
    const engine::Created created = TRY(call.engine().create(std::move(request)));
    return call.answer(201, {{"Id", created.id}, {"Warnings", created.warnings}});
}

Status inspect(Call &call) {
    return call.answer(200, container_view(TRY(call.engine().inspect(call.name(), call.flag("size")))));
}

Status start(Call &call) { return call.nothing(TRY(call.engine().start(call.name())) ? 204 : 304); }

Result<std::optional<int>> stop_time(Call &call) {
    const std::optional<std::int64_t> seconds = TRY(call.number("t", -1, 1 << 30));
    return seconds ? std::optional(static_cast<int>(*seconds)) : std::nullopt;
}

Status stop(Call &call) {
    const std::optional<int> time = TRY(stop_time(call));
    return call.nothing(TRY(call.engine().stop(call.name(), std::string(call.query("signal")), time)) ? 204 : 304);
}

Status restart(Call &call) {
    const std::optional<int> time = TRY(stop_time(call));
    TRY(call.engine().restart(call.name(), std::string(call.query("signal")), time));
    return call.nothing();
}

Status kill(Call &call) {
    TRY(call.engine().kill(call.name(), std::string(call.query("signal"))));
    return call.nothing();
}

Status pause(Call &call) {
    TRY(call.engine().pause(call.name()));
    return call.nothing();
}

Status unpause(Call &call) {
    TRY(call.engine().unpause(call.name()));
    return call.nothing();
}

Status rename(Call &call) {
    const std::string_view name = call.query("name");
    TRY(call.engine().rename(call.name(), std::string(name.starts_with('/') ? name.substr(1) : name)));
    return call.nothing();
}

Status update(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body());
    const JsonCursor root(*body);
    engine::UpdateRequest request;
    engine::read_resources(root, request.resources);
    // The client always sends one; without a name it is to stay as it is.
    const JsonCursor policy = root.at("RestartPolicy");
    if (policy.given() && !policy.at("Name").view().empty()) {
        request.restart_policy.emplace();
        engine::read_restart_policy(policy, *request.restart_policy);
    }
    TRY(body->status());
    const engine::Texts warnings = TRY(call.engine().update(call.name(), request));
    return call.answer(200, {{"Warnings", warnings.empty() ? Json(nullptr) : Json(warnings)}});
}

Status remove(Call &call) {
    TRY(call.engine().remove(call.name(),
                             {.force = call.flag("force"), .volumes = call.flag("v"), .link = call.flag("link")}));
    return call.nothing();
}

Status prune(Call &call) {
    const engine::Filters filters = TRY(call.filters());
    TRY(check_filters(filters, {"label", "label!", "until"}));
    const engine::Pruned pruned = TRY(call.engine().prune_containers(filters));
    return call.answer(200, {{"ContainersDeleted", pruned.removed.empty() ? Json(nullptr) : Json(pruned.removed)},
                             {"SpaceReclaimed", pruned.space_reclaimed}});
}

Status top(Call &call) {
    const engine::Processes processes = TRY(call.engine().top(call.name(), std::string(call.query("ps_args"))));
    return call.answer(200, {{"Titles", processes.titles}, {"Processes", processes.rows}});
}

Status changes(Call &call) {
    Json answer = Json::array();
    for (const engine::Change &change : TRY(call.engine().changes(call.name()))) {
        answer.push_back({{"Path", change.path}, {"Kind", static_cast<int>(change.kind)}});
    }
    return call.answer(200, answer.empty() ? Json(nullptr) : answer);
}

Status resize(Call &call) {
    const std::optional<std::int64_t> height = TRY(call.number("h", 0, 65535));
    const std::optional<std::int64_t> width = TRY(call.number("w", 0, 65535));
    if (!height || !width) {
        return fail(EINVAL, "want the terminal's size in h and w");
    }
    TRY(call.engine().resize(call.name(), static_cast<std::uint16_t>(*height), static_cast<std::uint16_t>(*width)));
    return call.nothing(200);
}

Status commit(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body(false));
    engine::CommitRequest request;
    const JsonCursor root(*body);
    if (root.members().size() > 0) {
        request.config.emplace();
        engine::read_config(root, *request.config);
    }
    TRY(body->status());
    request.repository = call.query("repo");
    request.tag = call.query("tag");
    request.comment = call.query("comment");
    request.author = call.query("author");
    request.pause = call.flag("pause", true);
    request.changes = call.exchange().request().query.all("changes");
    const std::string id = TRY(call.engine().commit(std::string(call.query("container")), request));
    return call.answer(201, {{"Id", id}});
}

constexpr Route kRoutes[] = {
    {"GET", "/containers/json", list},
    {"POST", "/containers/create", create},
    {"POST", "/containers/prune", prune},
    {"GET", "/containers/{id}/json", inspect},
    {"POST", "/containers/{id}/start", start},
    {"POST", "/containers/{id}/stop", stop},
    {"POST", "/containers/{id}/restart", restart},
    {"POST", "/containers/{id}/kill", kill},
    {"POST", "/containers/{id}/pause", pause},
    {"POST", "/containers/{id}/unpause", unpause},
    {"POST", "/containers/{id}/rename", rename},
    {"POST", "/containers/{id}/update", update},
    {"POST", "/containers/{id}/resize", resize},
    {"GET", "/containers/{id}/top", top},
    {"GET", "/containers/{id}/changes", changes},
    {"DELETE", "/containers/{id}", remove},
    {"POST", "/commit", commit},
};

} // namespace

std::span<const Route> container_routes() { return kRoutes; }

} // namespace ballast::api
