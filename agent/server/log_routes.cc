// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/logs/container_log.h"
#include "agent/server/request.h"
#include "base/quote.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::seconds kLook{1}; // between looks whether the container still runs

// Readable when something in a log's directory has changed.
class LogWatch {
  public:
    explicit LogWatch(const std::filesystem::path &file) : event_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
        constexpr unsigned kChanges = IN_MODIFY | IN_CREATE | IN_MOVED_TO;
        // Without it the log is looked at every second.
        if (event_.is_open() && ::inotify_add_watch(event_.get(), file.parent_path().c_str(), kChanges) < 0) {
            event_.close();
        }
    }
    http::Exchange::Wake wait(http::Exchange &exchange) {
        const auto wake = exchange.wait(event_.is_open() ? std::optional<BorrowedFd>(event_) : std::nullopt, kLook);
        if (wake == http::Exchange::Wake::kEvent) {
            std::array<char, 4096> events{};
            while (::read(event_.get(), events.data(), events.size()) > 0) {
            }
        }
        return wake;
    }

  private:
    Fd event_;
};

// "ballast://ID" is ID.
std::string id_in(const std::string &text) {
    const std::size_t scheme = text.find("://");
    return scheme == std::string::npos ? "" : text.substr(scheme + 3);
}

const Json &status_in(const Json &pod, const std::string &name) {
    static const Json kNone;
    for (const char *list : {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"}) {
        for (const Json &status : json_at(pod, {"status", list})) {
            if (json_text(status, {"name"}) == name) {
                return status;
            }
        }
    }
    return kNone;
}

// A runtime that is away says nothing about a container.
bool has_ended(Runtime &runtime, const std::string &id) {
    const Result<ObservedContainer> now = runtime.container(id);
    return now.has_value() ? !now->running() : now.error().code == ENOENT;
}

Status follow(http::Exchange &exchange, Runtime &runtime, const std::string &id, ContainerLog &log, LogWatch &watch) {
    using Wake = http::Exchange::Wake;
    bool ended = false;
    while (true) {
        std::string text;
        const bool more = TRY(log.read(text));
        TRY(exchange.write(text));
        if (more) {
            continue;
        }
        if (ended || log.full()) {
            return exchange.finish();
        }
        const Wake wake = watch.wait(exchange);
        if (wake == Wake::kClientGone) {
            return {};
        }
        if (wake == Wake::kStopping) {
            return exchange.finish();
        }
        ended = wake == Wake::kTime && has_ended(runtime, id); // then what it wrote last is read
    }
}

Status tell_all(http::Exchange &exchange, ContainerLog &log) {
    for (bool more = true; more;) {
        std::string text;
        more = TRY(log.read(text));
        TRY(exchange.write(text));
    }
    return exchange.finish();
}

} // namespace

// As kubelet decides it.
Result<std::string> logged_container(const Json &pod, const std::string &name, bool previous) {
    const std::string what = "container " + quote(name) + " in pod " + quote(name_of(pod));
    const Json &status = status_in(pod, name);
    if (status.is_null()) {
        return fail(EINVAL, what + " is not available");
    }
    const std::string last = id_in(json_text(status, {"lastState", "terminated", "containerID"}));
    if (previous) {
        return !last.empty() ? Result<std::string>(last) : fail(EINVAL, "previous terminated " + what + " not found");
    }
    if (json_at(status, {"state", "running"}).is_object()) {
        return id_in(json_text(status, {"containerID"}));
    }
    if (json_at(status, {"state", "terminated"}).is_object()) {
        const std::string ended = id_in(json_text(status, {"state", "terminated", "containerID"}));
        if (!ended.empty()) {
            return ended;
        }
    }
    if (!last.empty()) {
        return last;
    }
    if (json_at(status, {"state", "terminated"}).is_object()) {
        return fail(EINVAL, what + " is terminated");
    }
    const std::string reason = json_text(status, {"state", "waiting", "reason"});
    if (reason == "ErrImagePull") {
        return fail(EINVAL, what + " is waiting to start: image can't be pulled");
    }
    if (reason == "ImagePullBackOff") {
        return fail(EINVAL, what + " is waiting to start: trying and failing to pull image");
    }
    return fail(EINVAL,
                what + (reason.empty() ? " is waiting to start - no logs yet" : " is waiting to start: " + reason));
}

// /containerLogs/NAMESPACE/POD/CONTAINER
Status serve_log(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts) {
    const std::string &name = parts.at(3);
    const Result<LogRequest> asked = read_log_request(exchange.request().query, now_ns());
    if (!asked.has_value()) {
        refuse(exchange, 422, asked.error().message);
        return {};
    }
    const ShownPod pod = TRY(world.pods.pod(parts.at(1), parts.at(2), ""));
    if (container_spec(pod.object, name).is_null()) {
        return fail(ENOENT, "container " + quote(name) + " not found in pod " + quote(parts.at(2)));
    }
    const std::string id = TRY(logged_container(pod.object, name, asked->previous));
    const ObservedContainer container = TRY(world.runtime.container(id));
    LogWatch watch(container.log_path); // before the file is looked at: nothing is missed
    ContainerLog log = TRY(ContainerLog::open(world.pod_logs, container.log_path, *asked));
    // Not by chunks: for clients that speak WebSocket the API server drops what it reads together with the last one.
    TRY(exchange.begin(200, {{"Content-Type", "text/plain"}}, http::Exchange::Ending::kConnection));
    return asked->follow ? follow(exchange, world.runtime, id, log, watch) : tell_all(exchange, log);
}

} // namespace ballast::agent
