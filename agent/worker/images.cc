// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/images.h"

#include <algorithm>
#include <format>
#include <span>

#include "base/rollback.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::minutes kMostWait{5};
constexpr std::ptrdiff_t kUnlimited = 1 << 16;

BackOff::Time now() { return BackOff::Time(now_ns()); }

} // namespace

Images::Images(Runtime &runtime, std::size_t most_pulls)
    : runtime_(runtime), pulls_(most_pulls == 0 ? kUnlimited : static_cast<std::ptrdiff_t>(most_pulls)),
      back_off_(kMostWait) {}

Images::Outcome Images::ensure(const Pod &pod, const Container &container,
                               const ::runtime::v1::PodSandboxConfig &sandbox, const Credentials &credentials,
                               const std::stop_token &stop) {
    Result<std::optional<Runtime::ImageFacts>> present = runtime_.image(container.image);
    if (!present.has_value()) {
        return {.image = {},
                .waiting = {"ImageInspectError", std::format("Failed to inspect image \"{}\": {}", container.image,
                                                             present.error().message)}};
    }
    const bool must_pull =
        container.pull_policy == "Always" || (!present->has_value() && container.pull_policy != "Never");
    if (!must_pull) {
        return present->has_value()
                   ? Outcome{.image = **present, .waiting = {}}
                   : Outcome{.image = {},
                             .waiting = {"ErrImageNeverPull",
                                         std::format("Container image \"{}\" is not present with pull policy of Never",
                                                     container.image)}};
    }
    const std::string key = pod.uid + "/" + container.image;
    {
        const std::lock_guard lock(mutex_);
        const auto failure = failures_.find(key);
        if (failure != failures_.end() && back_off_.left(key, failure->second.first, now()).count() > 0) {
            return {.image = {},
                    .waiting = {"ImagePullBackOff", std::format("Back-off pulling image \"{}\": ErrImagePull: {}",
                                                                container.image, failure->second.second)}};
        }
    }
    Outcome outcome = pull(container, sandbox, credentials, stop);
    const std::lock_guard lock(mutex_);
    if (outcome.image) {
        failures_.erase(key);
        back_off_.forget(key);
    } else if (!stop.stop_requested()) {
        back_off_.tried(key, now(), now());
        failures_.insert_or_assign(key, std::pair(now(), outcome.waiting.message));
    }
    return outcome;
}

// The first that serves; else every reason.
Status Images::pull_with(const Container &container, const ::runtime::v1::PodSandboxConfig &sandbox,
                         std::vector<PullCredentials> credentials, const std::stop_token &stop) {
    if (credentials.empty()) {
        credentials.emplace_back();
    }
    std::vector<std::string> reasons;
    Status done;
    for (const PullCredentials &tried : credentials) {
        done = runtime_.pull(container.image, tried, sandbox, stop);
        if (done.has_value() || stop.stop_requested()) {
            return done;
        }
        if (!std::ranges::contains(reasons, done.error().message)) {
            reasons.push_back(done.error().message);
        }
    }
    std::string all = reasons.front();
    for (const std::string &reason : std::span(reasons).subspan(1)) {
        all += "; " + reason;
    }
    return fail(done.error().code, std::move(all));
}

Images::Outcome Images::pull(const Container &container, const ::runtime::v1::PodSandboxConfig &sandbox,
                             const Credentials &credentials, const std::stop_token &stop) {
    pulls_.acquire();
    Rollback release;
    release.add([this] { pulls_.release(); });
    const auto failed = [&](const Error &error) {
        return Outcome{.image = {},
                       .waiting = {"ErrImagePull",
                                   std::format("Failed to pull image \"{}\": {}", container.image, error.message)}};
    };
    const BackOff::Time since = now();
    if (const Status pulled = pull_with(container, sandbox, credentials(), stop); !pulled.has_value()) {
        return failed(pulled.error());
    }
    Result<std::optional<Runtime::ImageFacts>> image = runtime_.image(container.image);
    if (!image.has_value() || !image->has_value()) {
        return failed(image.has_value() ? Error{ENOENT, "the image is not there after it was pulled"} : image.error());
    }
    return {.image = **image, .waiting = {}, .pulled = now() - since};
}

} // namespace ballast::agent
