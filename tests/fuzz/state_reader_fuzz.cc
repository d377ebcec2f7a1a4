// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/state.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::container;

namespace {

fuzz::Verdict judge(std::string_view input) {
    const Result<State> state = parse_state(input, "f");
    if (!state.has_value()) {
        if (state.error().code != EINVAL) {
            return {false, "a code that is not EINVAL"};
        }
        return {false, state.error().message.starts_with("f") ? fuzz::bad_message(state.error().message)
                                                              : "a message without name"};
    }
    if (state->pid < 0) {
        return {true, "a process that cannot be"};
    }
    const std::string written = state_text(*state);
    const Result<State> again = parse_state(written, "f");
    if (!again.has_value()) {
        return {true, "refuses what it writes itself: " + again.error().message};
    }
    return {true, state_text(*again) == written ? "" : "another record after writing and reading"};
}

} // namespace

TEST_CASE("the reader of a container's record keeps its promises for any text", "[fuzz]") {
    const fuzz::Plan plan{.name = "state",
                          .corpus = "tests/fuzz/corpus/state",
                          .parse = judge,
                          .duration = std::chrono::seconds(5),
                          .words = {"version", "cgroup", "manager", "disabled", "rdt", "pid", "startTime", "hooks"}};
    fuzz::check(plan);
}
