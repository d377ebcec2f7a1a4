// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/api/image_filter.h"
#include "runtime/api/router.h"
#include "runtime/api/times.h"
#include "runtime/api/views.h"
#include "runtime/image/name_patterns.h"
#include "runtime/registry/search.h"

namespace ballast::api {
namespace {

// With a filter by reference an image is shown under those names alone that it matches.
void keep_matching_names(image::Image &image, const std::vector<std::string> &patterns) {
    const auto matches_none = [&](const std::string &name) {
        return std::ranges::none_of(patterns, [&](const auto &each) { return matches_reference(each, name); });
    };
    std::erase_if(image.tags, matches_none);
    std::erase_if(image.digests, matches_none);
}

Status list(Call &call) {
    const engine::Filters filters = TRY(call.filters());
    const ImageTest wanted = TRY(image_filter(filters, call.images(), now()));
    const auto references = filters.find("reference");
    const bool all = call.flag("all");
    const bool shared = call.flag("shared-size");
    const image::DiskUsage usage = shared ? call.images().disk_usage() : image::DiskUsage();
    Json answer = Json::array();
    for (image::Image &image : call.images().list()) {
        const bool intermediate =
            image.tags.empty() && image.digests.empty() && !call.images().children(image.id).empty();
        if ((intermediate && !all) || !wanted(image)) {
            continue;
        }
        if (references != filters.end()) {
            keep_matching_names(image, references->second);
        }
        const auto found = std::ranges::find(usage.images, image.id, &image::ImageUsage::id);
        const std::int64_t shared_size = found == usage.images.end() ? -1 : static_cast<std::int64_t>(found->shared);
        answer.push_back(image_summary(image, call.version(), shared_size, -1));
    }
    return call.answer(200, answer);
}

Status inspect(Call &call) {
    return call.answer(200, image_view(TRY(call.images().find(call.name())), call.version()));
}

Status history(Call &call) {
    const image::Image image = TRY(call.images().find(call.name()));
    Json answer = Json::array();
    for (const image::ImageHistory &entry : TRY(call.images().history(image.id))) {
        answer.push_back({{"Id", entry.id},
                          {"Created", entry.created},
                          {"CreatedBy", entry.created_by},
                          {"Tags", entry.tags.empty() ? Json(nullptr) : Json(entry.tags)},
                          {"Size", entry.bytes},
                          {"Comment", entry.comment}});
    }
    return call.answer(200, answer);
}

Status tag(Call &call) {
    const image::Image image = TRY(call.images().find(call.name()));
    const std::string_view tag = call.query("tag");
    image::Reference name = TRY(image::Reference::parse(call.query("repo")));
    if (name.digest) {
        return fail(EINVAL, "refusing to create a tag with a digest reference");
    }
    if (!tag.empty()) {
        if (!image::is_tag(tag)) {
            return fail(EINVAL, "invalid tag format");
        }
        name = name.with_tag(std::string(tag));
    } else if (name.tag.empty()) {
        name = name.with_tag(std::string(image::kDefaultTag));
    }
    TRY(call.images().tag(image.id, name));
    return call.nothing(201);
}

Json removed_view(const std::vector<image::Removed> &removed) {
    Json list = Json::array();
    for (const image::Removed &each : removed) {
        list.push_back(each.untagged.empty() ? Json{{"Deleted", each.deleted}} : Json{{"Untagged", each.untagged}});
    }
    return list;
}

Status remove(Call &call) {
    return call.answer(200,
                       removed_view(TRY(call.images().remove(call.name(), call.flag("force"), !call.flag("noprune")))));
}

Status prune(Call &call) {
    engine::Filters filters = TRY(call.filters());
    bool all = false;
    if (const auto dangling = filters.find("dangling"); dangling != filters.end()) {
        all = std::ranges::any_of(dangling->second, [](const std::string &v) { return v == "false" || v == "0"; });
        filters.erase(dangling);
    }
    TRY(check_filters(filters, {"label", "label!", "until"}));
    const ImageTest wanted = TRY(image_filter(filters, call.images(), now()));
    const auto pinned = call.backend().configuration();
    const image::Pruned pruned = TRY(call.images().prune(all, [&](const image::Image &image) {
        return !image::has_name_of(image, pinned->pinned_images) && (!wanted || wanted(image));
    }));
    return call.answer(200, {{"ImagesDeleted", pruned.removed.empty() ? Json(nullptr) : removed_view(pruned.removed)},
                             {"SpaceReclaimed", pruned.bytes}});
}

Status search(Call &call) {
    const std::int64_t limit = TRY(call.number("limit", 0, 100)).value_or(0);
    const std::string term(call.query("term"));
    if (term.empty()) {
        return fail(EINVAL, "want a term to search for");
    }
    const engine::Filters filters = TRY(call.filters());
    TRY(check_filters(filters, {"is-automated", "is-official", "stars"}));
    const registry::Credentials credentials =
        TRY(registry::parse_registry_auth(call.exchange().request().header("X-Registry-Auth")));
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    const auto registries = call.backend().registries();
    constexpr unsigned kDefaultLimit = 25;
    const auto is_true = [&](const char *name) {
        const auto found = filters.find(name);
        return found != filters.end() && std::ranges::contains(found->second, "true");
    };
    Json answer = Json::array();
    for (const registry::SearchResult &result :
         TRY(registry::search(*registries, term, limit == 0 ? kDefaultLimit : static_cast<unsigned>(limit), credentials,
                              client.token()))) {
        if ((is_true("is-official") && !result.is_official) || (is_true("is-automated") && !result.is_automated)) {
            continue;
        }
        answer.push_back({{"star_count", result.stars},
                          {"is_official", result.is_official},
                          {"name", result.name},
                          {"is_automated", result.is_automated},
                          {"description", result.description}});
    }
    return call.answer(200, answer);
}

constexpr Route kRoutes[] = {
    {"GET", "/images/json", list},
    {"GET", "/images/search", search},
    {"POST", "/images/prune", prune},
    {"GET", "/images/{name*}/json", inspect},
    {"GET", "/images/{name*}/history", history},
    {"POST", "/images/{name*}/tag", tag},
    {"DELETE", "/images/{name*}", remove},
};

} // namespace

std::span<const Route> image_routes() { return kRoutes; }

} // namespace ballast::api
