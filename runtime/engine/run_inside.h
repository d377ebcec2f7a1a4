// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/engine/core.h"

// Programs that are run in a container and waited for: health checks, and what Kubernetes probes with. No exec of
// theirs is listed, and no event tells of them.
namespace ballast::engine {

struct Inside {
    std::shared_ptr<Exec> exec;
    Fd stream; // frames of Docker's
};
Result<Inside> start_inside(Engine::Core &core, const ContainerPtr &container, Texts command);

// Hands on what it says as it comes, and waits for its end: the exit code. ETIMEDOUT, or ECANCELED once `cancelled`
// says so: it was killed. EIO: how it ended is not known.
Result<int> finish_inside(const ContainerPtr &container, const Inside &inside,
                          std::optional<std::chrono::steady_clock::time_point> until,
                          const std::function<bool()> &cancelled,
                          const std::function<void(bool is_error, std::string_view text)> &take);

} // namespace ballast::engine
