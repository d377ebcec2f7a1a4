// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/events.h"

#include <algorithm>
#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/log.h"

namespace ballast::engine {
namespace {

constexpr std::uint64_t kLargestFile = 16UL << 20;

std::string line_of(const Event &event) {
    const nlohmann::ordered_json line = {{"type", event.type},
                                         {"action", event.action},
                                         {"actor", event.actor},
                                         {"time", event.time.time_since_epoch().count()},
                                         {"attributes", event.attributes}};
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<Event> parse_line(std::string_view line, const std::string &name) {
    Result<JsonDocument> document = JsonDocument::parse(line, name);
    if (!document) {
        return std::nullopt;
    }
    const JsonCursor root(*document);
    Event event{.type = root.need("type").text(),
                .action = root.need("action").text(),
                .actor = root.need("actor").text(),
                .attributes = {},
                .time = Time(Nanoseconds(root.need("time").number<std::int64_t>()))};
    for (const JsonCursor attribute : root.at("attributes").members()) {
        event.attributes.emplace(attribute.name(), attribute.text());
    }
    return document->failed() ? std::nullopt : std::optional(std::move(event));
}

std::string attribute(const Event &event, const std::string &name) {
    const auto found = event.attributes.find(name);
    return found == event.attributes.end() ? std::string() : found->second;
}

bool names_actor(const Event &event, const std::string &type, const std::string &value) {
    if (event.type == type) {
        const std::string image = type == "image" ? event.actor : std::string();
        return (!value.empty() && event.actor.starts_with(value)) || attribute(event, "name") == value ||
               // "busybox" names "busybox:latest", too
               (!image.empty() && image == value + ":latest");
    }
    return attribute(event, type) == value; // the image of a container's event, the container of a network's
}

bool has_label(const Event &event, const std::string &value) {
    const std::size_t equals = value.find('=');
    const auto found = event.attributes.find(value.substr(0, equals));
    return found != event.attributes.end() &&
           (equals == std::string::npos || found->second == value.substr(equals + 1));
}

bool matches_one(const Event &event, const std::string &filter, const std::string &value) {
    if (filter == "type") {
        return event.type == value;
    }
    if (filter == "event") { // "exec_create" names "exec_create: ls", too
        return event.action == value || event.action.starts_with(value + ":");
    }
    if (filter == "label") {
        return has_label(event, value);
    }
    if (filter == "scope") {
        return value == "local";
    }
    if (filter == "container" || filter == "image" || filter == "volume" || filter == "network" || filter == "daemon") {
        return names_actor(event, filter, value);
    }
    return false; // kinds of objects that this engine does not have
}

} // namespace

bool matches(const Event &event, const EventQuery &query) {
    if ((query.since != kNever && event.time < query.since) || (query.until != kNever && event.time > query.until)) {
        return false;
    }
    return std::ranges::all_of(query.filters, [&event](const auto &filter) {
        return filter.second.empty() || std::ranges::any_of(filter.second, [&](const std::string &value) {
                   return matches_one(event, filter.first, value);
               });
    });
}

struct Events::Subscription::Queue {
    EventQuery query;
    std::deque<Event> waiting;
};

Events::Events(std::filesystem::path file, std::vector<std::string> &warnings) : file_(std::move(file)) {
    const Result<std::string> text = read_file(file_, kLargestFile);
    if (!text && text.error().code != ENOENT) { // ENOENT: the first life of this daemon
        set_aside(text.error().message, warnings);
    }
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    std::size_t damaged = 0;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        if (std::optional<Event> event = parse_line(rest.substr(0, end), file_)) {
            last_ = std::max(last_, event->time);
            history_.push_back(std::move(*event));
        } else if (end != std::string_view::npos) { // else the daemon was killed while it wrote it
            damaged++;
        }
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    if (damaged > 0) {
        set_aside(file_.string() + ": " + std::to_string(damaged) + " lines are no events", warnings);
    }
    while (history_.size() > kHistory) {
        history_.pop_front();
    }
    lines_in_file_ = 2 * kHistory; // written anew with the next event: half a line at its end would spoil that one
}

Events::~Events() = default;

void Events::set_aside(const std::string &problem, std::vector<std::string> &warnings) {
    const std::string aside = file_.string() + ".broken";
    warnings.push_back(problem + "; set aside as " + std::filesystem::path(aside).filename().string());
    if (::rename(file_.c_str(), aside.c_str()) != 0) {
        warnings.push_back(fail_errno("set aside " + file_.string()).error().message);
    }
}

void Events::publish(Event event) {
    const std::scoped_lock lock(mutex_);
    if (event.time == kNever) {
        event.time = std::chrono::system_clock::now();
    }
    // Clients page through history by time: no two events share one, and none is older than the one before.
    event.time = std::max(event.time, last_ + Nanoseconds(1));
    last_ = event.time;
    history_.push_back(event);
    if (history_.size() > kHistory) {
        history_.pop_front();
    }
    append_to_file(event);
    for (const auto &queue : queues_) {
        if (matches(event, queue->query)) {
            queue->waiting.push_back(event);
            if (queue->waiting.size() > kQueue) {
                queue->waiting.pop_front();
            }
        }
    }
    changed_.notify_all();
}

void Events::append_to_file(const Event &event) {
    Status written;
    if (lines_in_file_ >= 2 * kHistory) {
        std::string text;
        for (const Event &one : history_) {
            text += line_of(one);
        }
        written = replace_file(file_, text, 0600);
        lines_in_file_ = history_.size();
    } else {
        // Not synced: after a power cut the last second's events are no loss to anybody.
        const Result<Fd> file = open_file(file_, O_WRONLY | O_APPEND | O_CREAT, 0600);
        written = file ? write_all(*file, line_of(event)) : Status(std::unexpected(file.error()));
        lines_in_file_++;
    }
    if (!written) {
        log::warning("history of events: " + written.error().message + ", ignoring");
    }
}

std::unique_ptr<Events::Subscription> Events::subscribe(EventQuery query) {
    const std::scoped_lock lock(mutex_);
    auto queue = std::make_shared<Subscription::Queue>();
    queue->query = std::move(query);
    if (queue->query.since != kNever || queue->query.until != kNever) {
        for (const Event &event : history_) {
            if (matches(event, queue->query)) {
                queue->waiting.push_back(event);
            }
        }
    }
    queues_.push_back(queue);
    return std::unique_ptr<Subscription>(new Subscription(*this, std::move(queue)));
}

Events::Subscription::~Subscription() {
    const std::scoped_lock lock(bus_->mutex_);
    bus_->queues_.remove(queue_);
}

std::optional<Event> Events::Subscription::next(const std::stop_token &stop) {
    std::unique_lock lock(bus_->mutex_);
    const auto some = [this] { return !queue_->waiting.empty(); };
    if (queue_->query.until != kNever) {
        const auto until = std::chrono::time_point_cast<std::chrono::system_clock::duration>(queue_->query.until);
        (void)bus_->changed_.wait_until(lock, stop, until, some); // what came of it is asked for below
    } else {
        (void)bus_->changed_.wait(lock, stop, some);
    }
    if (!some()) {
        return std::nullopt;
    }
    Event event = std::move(queue_->waiting.front());
    queue_->waiting.pop_front();
    return event;
}

} // namespace ballast::engine
