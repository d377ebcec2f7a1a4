// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/list_filters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>

#include "base/quote.h"
#include "runtime/engine/model_json.h"
#include "runtime/network/port_requests.h"

namespace ballast::engine {
namespace {

constexpr std::array kNames = std::to_array<std::string_view>(
    {"ancestor", "before", "exited", "expose", "health", "id", "isolation", "is-task", "label", "label!", "name",
     "network", "publish", "since", "status", "until", "volume"});

bool has_label(const Labels &labels, const std::string &wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = labels.find(wanted.substr(0, equals));
    return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

bool is_image(const Snapshot &container, const image::Image *image, const std::string &wanted) {
    const std::string hex = container.image_id.substr(container.image_id.find(':') + 1);
    if (container.image_id == wanted || (wanted.size() >= 4 && hex.starts_with(wanted)) ||
        container.config.image == wanted) {
        return true;
    }
    return image != nullptr &&
           (std::ranges::contains(image->tags, wanted) || std::ranges::contains(image->tags, wanted + ":latest"));
}

using network::ContainerPorts;

// Ports of the host: only what runs has any.
bool publishes(const Snapshot &container, const ContainerPorts &wanted) {
    return container.sandbox &&
           std::ranges::any_of(container.sandbox->ports, [&wanted](const network::PublishedPort &port) {
               return port.protocol == wanted.protocol && port.host_port >= wanted.first &&
                      port.host_port <= wanted.last;
           });
}

bool exposes(const Snapshot &container, const ContainerPorts &wanted) {
    const auto overlaps = [&wanted](const std::string &text) {
        const Result<ContainerPorts> ports = network::parse_container_ports(text);
        return ports && ports->protocol == wanted.protocol && ports->first <= wanted.last &&
               ports->last >= wanted.first;
    };
    return std::ranges::any_of(container.config.exposed_ports, overlaps) ||
           std::ranges::any_of(container.host.port_bindings | std::views::keys, overlaps);
}

bool matches_value(const Snapshot &container, const image::Image *image, const std::string &name,
                   const std::string &value) {
    if (name == "id") {
        return container.id.starts_with(value);
    }
    if (name == "status") {
        return phase_name(container.state.phase) == value;
    }
    if (name == "exited") {
        return container.state.phase == Phase::kExited && std::to_string(container.state.exit_code) == value;
    }
    if (name == "health") {
        return (container.state.health ? container.state.health->status : "none") == value;
    }
    if (name == "ancestor") {
        return is_image(container, image, value);
    }
    if (name == "network") {
        return container.host.network_mode == value || container.networking.contains(value) ||
               (container.sandbox && std::ranges::any_of(container.sandbox->endpoints, [&](const auto &endpoint) {
                    return value.size() >= 12 && endpoint.network_id.starts_with(value);
                }));
    }
    if (name == "volume") {
        return std::ranges::any_of(container.mounts, [&value](const MountPoint &mount) {
            return mount.name == value || mount.destination == value || mount.source == value;
        });
    }
    if (name == "expose" || name == "publish") {
        const Result<ContainerPorts> ports = network::parse_container_ports(value); // it was checked
        return ports && (name == "publish" ? publishes(container, *ports) : exposes(container, *ports));
    }
    if (name == "is-task") {
        return value == "false" || value == "0";
    }
    return true; // before, since, until, names and labels are looked at as a whole; isolation is Windows's
}

} // namespace

Result<Time> until_time(const std::string &text) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string unit(stop, text.data() + text.size());
    if (error == std::errc() && unit.empty()) {
        return Time(std::chrono::seconds(number));
    }
    const Time now = std::chrono::system_clock::now();
    if (error == std::errc() && (unit == "s" || unit == "m" || unit == "h" || unit == "h0m0s" || unit == "m0s")) {
        return now - std::chrono::seconds(number * (unit[0] == 's' ? 1 : unit[0] == 'm' ? 60 : 3600));
    }
    return parse_time(text);
}

Result<ListFilter> ListFilter::read(Filters filters, const std::function<Result<Snapshot>(const std::string &)> &find) {
    ListFilter result;
    for (const auto &[name, values] : filters) {
        if (!std::ranges::contains(kNames, name)) {
            return fail(EINVAL, "invalid filter " + quote(name));
        }
        for (const std::string &value : values) {
            if (name == "status" && !phase_of(value)) {
                return fail(EINVAL, "invalid filter 'status=" + escaped(value) + "'");
            }
            if (name == "expose" || name == "publish") {
                TRY(network::parse_container_ports(value));
            } else if (name == "before") {
                result.before_ = TRY(find(value)).created;
            } else if (name == "since") {
                result.since_ = TRY(find(value)).created;
            } else if (name == "until") {
                result.until_ = TRY(until_time(value));
            } else if (name == "name") {
                result.names_.push_back(TRY(NamePattern::compile(value)));
            }
        }
    }
    result.filters_ = std::move(filters);
    return result;
}

bool ListFilter::names_states() const { return filters_.contains("status") || filters_.contains("exited"); }

bool ListFilter::matches(const Snapshot &container, const image::Image *image) const {
    if ((before_ != kNever && container.created >= before_) || (since_ != kNever && container.created <= since_) ||
        (until_ != kNever && container.created >= until_)) {
        return false;
    }
    return std::ranges::all_of(filters_, [&](const auto &filter) {
        const auto &[name, values] = filter;
        const auto labelled = [&container](const std::string &value) {
            return has_label(container.config.labels, value);
        };
        if (name == "label") {
            return std::ranges::all_of(values, labelled);
        }
        if (name == "name") {
            return names_.empty() || std::ranges::any_of(names_, [&container](const NamePattern &pattern) {
                       return pattern.matches(container.name) || pattern.matches("/" + container.name);
                   });
        }
        if (name == "label!") {
            return std::ranges::none_of(values, labelled);
        }
        return values.empty() || std::ranges::any_of(values, [&](const std::string &value) {
                   return matches_value(container, image, name, value);
               });
    });
}

} // namespace ballast::engine
