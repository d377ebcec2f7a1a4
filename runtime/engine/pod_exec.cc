// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/engine/pods.h"
#include "runtime/engine/run_inside.h"

namespace ballast::engine {

Result<RunInside> Pods::run(const std::string &reference, Texts command, std::optional<std::chrono::seconds> timeout,
                            const std::stop_token &stop) {
    const ContainerPtr container = TRY(find(reference, Pod::Role::kContainer));
    std::optional<std::chrono::steady_clock::time_point> until;
    if (timeout) {
        until = std::chrono::steady_clock::now() + *timeout;
    }
    const Inside inside = TRY(start_inside(*core_, container, std::move(command)));
    RunInside result;
    const auto keep = [&result](bool is_error, std::string_view text) { // what is over the limit is dropped
        const std::size_t room = kMostOutput - std::min(kMostOutput, result.output.size() + result.errors.size());
        (is_error ? result.errors : result.output).append(text.substr(0, room));
    };
    result.exit_code = TRY(finish_inside(container, inside, until, [&stop] { return stop.stop_requested(); }, keep));
    return result;
}

} // namespace ballast::engine
