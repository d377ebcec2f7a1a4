// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/events.h"

#include <format>

#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kMostTold = 1024, kMostWaiting = 1024;
constexpr std::size_t kLongestMessage = 1024; // as the API server takes

std::string path_of(const std::string &name_space) { return "/api/v1/namespaces/" + name_space + "/events"; }

} // namespace

void Events::add(const Pod &pod, const Note &note, std::int64_t now) {
    add({{"kind", "Pod"},
         {"apiVersion", "v1"},
         {"namespace", pod.name_space},
         {"name", pod.name},
         {"uid", pod.uid}},
        pod.name_space, note, now);
}

// A node is in no namespace, and its UID in events is its name: as kubelet's.
void Events::add_of_node(const Note &note, std::int64_t now) {
    add({{"kind", "Node"}, {"name", node_}, {"uid", node_}}, "default", note, now);
}

void Events::add(const Json &involved, const std::string &name_space, const Note &note, std::int64_t now) {
    const std::string time = timestamp(now, Fraction::kNone);
    const std::string key = json_text(involved, {"uid"}) + "/" + note.reason + "/" + note.message;
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) {
        return; // the API server is away, and what happens next is told again
    }
    if (told_.size() >= kMostTold) {
        told_.clear();
    }
    Event &event = told_[key];
    if (event.name.empty()) {
        event = {.key = key,
                 .name_space = name_space,
                 .name = std::format("{}.{:x}{:x}", json_text(involved, {"name"}), now, number_++),
                 .object = {{"apiVersion", "v1"},
                            {"kind", "Event"},
                            {"involvedObject", involved},
                            {"reason", note.reason},
                            {"message", note.message.substr(0, kLongestMessage)},
                            {"type", note.warning ? "Warning" : "Normal"},
                            {"source", {{"component", "kubelet"}, {"host", node_}}},
                            {"firstTimestamp", time}},
                 .count = 0};
        event.object["metadata"] = {{"name", event.name}, {"namespace", name_space}};
    }
    event.count++;
    event.object["count"] = event.count;
    event.object["lastTimestamp"] = time;
    waiting_.push_back(event);
}

bool Events::waits() const {
    const std::lock_guard lock(mutex_);
    return !sending_ && !waiting_.empty();
}

void Events::step() {
    std::deque<Event> events;
    {
        const std::lock_guard lock(mutex_);
        if (sending_ || waiting_.empty()) {
            return;
        }
        events.swap(waiting_);
        sending_ = true;
    }
    background_.run([this, events = std::move(events)]() -> Background::After {
        for (const Event &event : events) {
            send(event);
        }
        return [this] {
            const std::lock_guard lock(mutex_);
            sending_ = false;
        };
    });
}

// An event that cannot be told is no reason to hold up others.
void Events::send(const Event &event) {
    if (event.count > 1) {
        const Json again = {{"count", event.count}, {"lastTimestamp", event.object["lastTimestamp"]}};
        const auto patched = server_.patch(path_of(event.name_space) + "/" + event.name, again, Patch::kMerge);
        if (patched.has_value() || patched.error().code != ENOENT) {
            return;
        }
    }
    const auto created = server_.create(path_of(event.name_space), event.object);
    if (!created.has_value()) {
        log::debug("event " + event.name + ": " + created.error().message + ", ignoring");
    }
}

} // namespace ballast::agent
