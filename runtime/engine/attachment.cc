// SPDX-License-Identifier: Apache-2.0
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/engine/core.h"
#include "runtime/monitor/detach_keys.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s; // of a monitor's answer

Result<std::string> detach_bytes(const std::string &keys) {
    if (keys == "-") {
        return std::string();
    }
    return keys.empty() ? Result<std::string>(std::string(monitor::kDefaultDetachKeys))
                        : monitor::parse_detach_keys(keys);
}
} // namespace

Result<std::shared_ptr<Attachment::Shared>> Attachment::Shared::create(AttachRequest request) {
    auto shared = std::make_shared<Shared>();
    shared->request = std::move(request);
    shared->event = Fd(eventfd(0, EFD_CLOEXEC));
    if (!shared->event.is_open()) {
        return fail_errno("eventfd");
    }
    return shared;
}

void Attachment::Shared::finish(Result<Fd> outcome) {
    const std::scoped_lock lock(mutex);
    if (!result) {
        result = std::move(outcome);
        const std::uint64_t one = 1;
        (void)!::write(event.get(), &one, sizeof one); // cannot be full: written once
        changed.notify_all();
    }
}

BorrowedFd Attachment::ready() const { return shared_->event; }

Result<Fd> Attachment::take(const std::stop_token &stop) {
    std::unique_lock lock(shared_->mutex);
    if (!shared_->changed.wait(lock, stop, [this] { return shared_->result.has_value(); })) {
        return fail(ECANCELED, "attach: cancelled");
    }
    Result<Fd> outcome = std::move(*shared_->result);
    shared_->result = fail(EINVAL, "attach: the stream was taken already");
    return outcome;
}

Result<Fd> connect_attachment(const fs::path &socket, const AttachRequest &request, const Config &config) {
    return monitor::attach(socket,
                           {.session = 0,
                            .input = request.standard_input && config.open_stdin,
                            .output = request.standard_output,
                            .errors = request.standard_error,
                            .close_input = config.stdin_once,
                            .detach_keys = TRY(detach_bytes(request.detach_keys))},
                           kPatience);
}
} // namespace ballast::engine
