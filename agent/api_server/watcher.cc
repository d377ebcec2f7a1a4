// SPDX-License-Identifier: Apache-2.0
#include "agent/api_server/watcher.h"

#include <sys/eventfd.h>

#include "base/signals_blocked.h"
#include "base/timed_wait.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::seconds kSlack{30}; // a watch that says nothing for so long beyond its end is dead

} // namespace

Watcher::Watcher(ApiServer &server, std::string collection, std::string query, WatchTimes times, Fd event)
    : server_(server), collection_(std::move(collection)), query_(std::move(query)), times_(times),
      event_(std::move(event)) {}

Watcher::~Watcher() = default; // stops and waits

Result<std::unique_ptr<Watcher>> Watcher::start(ApiServer &server, std::string collection, std::string query,
                                                WatchTimes times) {
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return fail_errno("eventfd");
    }
    std::unique_ptr<Watcher> watcher(
        new Watcher(server, std::move(collection), std::move(query), times, std::move(event)));
    const SignalsBlocked blocked;
    watcher->thread_ = std::jthread([self = watcher.get()](const std::stop_token &stop) { self->run(stop); });
    return watcher;
}

std::vector<Change> Watcher::take() {
    const std::lock_guard lock(mutex_);
    eventfd_t count = 0;
    (void)eventfd_read(event_.get(), &count); // EAGAIN: nothing came since
    std::vector<Change> changes(std::make_move_iterator(changes_.begin()), std::make_move_iterator(changes_.end()));
    changes_.clear();
    return changes;
}

void Watcher::tell(Change change) {
    const std::lock_guard lock(mutex_);
    if (change.kind == Change::Kind::kAll) {
        changes_.clear(); // what was before is in it, or is past
    }
    changes_.push_back(std::move(change));
    (void)eventfd_write(event_.get(), 1); // can only be full, and then it is readable
}

void Watcher::run(const std::stop_token &stop) {
    std::chrono::milliseconds wait = times_.first_wait;
    while (!stop.stop_requested()) {
        heard_ = false;
        const bool lists = version_.empty();
        const Status done = lists ? list(stop) : watch(stop);
        if (lists && done.has_value()) {
            continue;
        }
        if (!done.has_value() && done.error().code == ESTALE) {
            version_.clear();
        } else if (!done.has_value() && !stop.stop_requested()) {
            tell({.kind = Change::Kind::kTrouble, .objects = {}, .trouble = done.error().message});
        }
        wait = heard_ ? times_.first_wait : wait;
        (void)wait_for(jittered(wait), stop); // who stops is asked above
        wait = done.has_value() ? times_.first_wait : std::min(wait * 2, times_.longest_wait);
    }
}

Status Watcher::list(const std::stop_token &stop) {
    Json answer = TRY(server_.get(collection_ + (query_.empty() ? "" : "?" + query_), stop));
    Change change{.kind = Change::Kind::kAll, .objects = {}, .trouble = {}};
    api_version_ = json_text(answer, {"apiVersion"});
    kind_ = json_text(answer, {"kind"});
    kind_.resize(kind_.ends_with("List") ? kind_.size() - 4 : kind_.size());
    if (const auto items = answer.find("items"); items != answer.end() && items->is_array()) {
        for (Json &item : *items) {
            if (item.is_object()) {
                item["apiVersion"] = api_version_; // a list says that once
                item["kind"] = kind_;
                change.objects.push_back(std::move(item));
            }
        }
    }
    version_ = json_text(answer, {"metadata", "resourceVersion"});
    if (version_.empty()) {
        return fail(EAGAIN, "the API server: a list of " + collection_ + " without resourceVersion");
    }
    tell(std::move(change));
    return {};
}

Status Watcher::watch(const std::stop_token &stop) {
    const auto length = std::chrono::duration_cast<std::chrono::seconds>(
        jittered(std::chrono::duration_cast<std::chrono::milliseconds>(times_.watch)));
    const std::string path = collection_ + "?" + (query_.empty() ? "" : query_ + "&") +
                             "watch=1&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(length.count()) +
                             "&resourceVersion=" + version_;
    return server_.follow(path, length + kSlack, [this](std::string_view line) { return take_event(line); }, stop);
}

Status Watcher::take_event(std::string_view line) {
    Json event = Json::parse(line, nullptr, false);
    const std::string type = json_text(event, {"type"});
    const Json &object = json_at(event, {"object"});
    if (type == "ERROR") {
        const Json &code = json_at(object, {"code"});
        const bool stale = code.is_number() && code == 410;
        return fail(stale ? ESTALE : EAGAIN, "the API server: " + json_text(object, {"message"}));
    }
    const std::string version = json_text(object, {"metadata", "resourceVersion"});
    if (version.empty()) {
        return fail(EAGAIN, "the API server: an event of " + collection_ + " that cannot be read");
    }
    heard_ = true;
    if (type == "ADDED" || type == "MODIFIED" || type == "DELETED") {
        tell({.kind = type == "DELETED" ? Change::Kind::kGone : Change::Kind::kStored,
              .objects = {std::move(event["object"])},
              .trouble = {}});
    }
    version_ = version; // of a bookmark as well
    return {};
}

} // namespace ballast::agent
