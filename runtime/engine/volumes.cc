// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/quote.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"

namespace ballast::engine {
namespace {

VolumeView view_of(const volume::VolumeStore &store, const volume::Volume &volume) {
    return {.name = volume.name,
            .driver = "local",
            .mountpoint = store.data(volume.name),
            .created = Time(Nanoseconds(volume.created_ns)),
            .labels = volume.labels,
            .options = volume.options,
            .size = {},
            .references = {}};
}

Status check_filters(const Filters &filters, std::initializer_list<std::string_view> known) {
    for (const auto &[name, values] : filters) {
        if (std::ranges::find(known, std::string_view(name)) == known.end()) {
            return fail(EINVAL, "invalid filter " + quote(name));
        }
    }
    return {};
}

bool has_label(const Labels &labels, const std::string &wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = labels.find(wanted.substr(0, equals));
    return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

bool is_true(const std::string &text) { return text == "true" || text == "1" || text == "True" || text == "t"; }

bool matches(const VolumeView &volume, bool in_use, const Filters &filters) {
    return std::ranges::all_of(filters, [&](const auto &filter) {
        const auto &[name, values] = filter;
        const auto fits = [&](const std::string &value) {
            return name == "name"       ? volume.name.contains(value)
                   : name == "driver"   ? value == volume.driver
                   : name == "dangling" ? is_true(value) != in_use
                   : name == "label"    ? has_label(volume.labels, value)
                                        : true;
        };
        if (name == "label!") {
            return std::ranges::none_of(values,
                                        [&](const std::string &value) { return has_label(volume.labels, value); });
        }
        return values.empty() ||
               (name == "label" ? std::ranges::all_of(values, fits) : std::ranges::any_of(values, fits));
    });
}

} // namespace

Result<VolumeView> Engine::create_volume(const VolumeRequest &request) {
    if (!request.driver.empty() && request.driver != "local") {
        return fail(ENOENT, "error looking up volume plugin " + escaped(request.driver) + ": plugin " +
                                quote(request.driver) + " not found");
    }
    volume::Volume wanted{.name = request.name.empty() ? random_id() : request.name,
                          .created_ns = 0,
                          .labels = request.labels,
                          .options = request.options,
                          .anonymous = request.name.empty()};
    if (wanted.anonymous) {
        wanted.labels["com.docker.volume.anonymous"] = "";
    }
    const bool fresh = !core_->volumes->find(wanted.name);
    const volume::Volume made = TRY(core_->volumes->create(std::move(wanted)));
    if (fresh) {
        core_->events.publish({.type = "volume",
                               .action = "create",
                               .actor = made.name,
                               .attributes = {{"driver", "local"}},
                               .time = kNever});
    }
    return view_of(*core_->volumes, made);
}

Result<VolumeView> Engine::inspect_volume(const std::string &name) {
    return view_of(*core_->volumes, TRY(core_->volumes->find(name)));
}

Result<std::vector<VolumeView>> Engine::list_volumes(const Filters &filters, bool usage) {
    TRY(check_filters(filters, {"name", "driver", "dangling", "label", "label!"}));
    std::map<std::string, int> references;
    for (const ContainerPtr &container : core_->all()) {
        for (const MountPoint &mount : container->snapshot().mounts) {
            if (mount.type == "volume") {
                references[mount.name]++;
            }
        }
    }
    std::vector<VolumeView> result;
    for (const volume::Volume &volume : core_->volumes->list()) {
        VolumeView view = view_of(*core_->volumes, volume);
        if (!matches(view, references.contains(view.name), filters)) {
            continue;
        }
        if (usage) {
            view.size = core_->volumes->size(view.name).value_or(0); // removed meanwhile
            view.references = references[view.name];
        }
        result.push_back(std::move(view));
    }
    return result;
}

Status Engine::remove_volume(const std::string &name, bool force) {
    const Result<volume::Volume> found = core_->volumes->find(name);
    if (!found) {
        return force ? Status() : Status(std::unexpected(found.error()));
    }
    for (const ContainerPtr &container : core_->all()) {
        for (const MountPoint &mount : container->snapshot().mounts) {
            if (mount.type == "volume" && mount.name == name) {
                return fail(EBUSY, "remove " + name + ": volume is in use - [" + container->id + "]");
            }
        }
    }
    TRY(core_->volumes->remove(name));
    core_->events.publish(
        {.type = "volume", .action = "destroy", .actor = name, .attributes = {{"driver", "local"}}, .time = kNever});
    return {};
}

Result<Pruned> Engine::prune_volumes(const Filters &filters) {
    TRY(check_filters(filters, {"all", "label", "label!"}));
    const auto all = filters.find("all");
    const bool named = all != filters.end() && std::ranges::any_of(all->second, is_true);
    Filters rest = filters;
    rest.erase("all");
    Pruned result;
    for (const volume::Volume &volume : core_->volumes->list()) {
        const VolumeView view = view_of(*core_->volumes, volume);
        const std::set<std::string> used = core_->volumes_in_use();
        if ((!named && !volume.anonymous) || used.contains(volume.name) || !matches(view, false, rest)) {
            continue;
        }
        const std::uint64_t size = core_->volumes->size(volume.name).value_or(0);
        if (remove_volume(volume.name, false)) { // else: a container has come that uses it
            result.removed.push_back(volume.name);
            result.space_reclaimed += size;
        }
    }
    core_->events.publish({.type = "volume",
                           .action = "prune",
                           .actor = "",
                           .attributes = {{"reclaimed", std::to_string(result.space_reclaimed)}},
                           .time = kNever});
    return result;
}

} // namespace ballast::engine
