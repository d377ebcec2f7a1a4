// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/call.h"

#include "base/grpc/connection.h"

namespace ballast::grpc {

Call::Call(std::shared_ptr<Place> place) : place_(std::move(place)) {}
Call::~Call() = default;

const std::string &Call::method() const { return place_->method; }
const std::string &Call::request() const { return place_->request; }
std::string_view Call::metadata(std::string_view name) const { return field(place_->metadata, name); }
std::optional<std::chrono::steady_clock::time_point> Call::deadline() const { return place_->deadline; }
std::stop_token Call::stop() const { return place_->stop.get_token(); }

Status Call::send(std::string_view message) {
    Shared &shared = *place_->shared;
    if (message.size() > shared.limits.message) {
        return fail(EFBIG, "an answer of " + std::to_string(message.size()) + " bytes is larger than " +
                               std::to_string(shared.limits.message));
    }
    std::unique_lock lock(shared.mutex);
    const auto connection = place_->connection.lock();
    if (connection == nullptr || !connection->send(*place_, message)) {
        return fail(ECANCELED, "nobody waits for the answer");
    }
    shared.changed.wait(lock, [&] { return place_->over || connection->waiting(*place_) <= shared.limits.unsent; });
    return {};
}

} // namespace ballast::grpc
