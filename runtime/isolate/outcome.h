// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstdint>

// How code that runs after clone3(2) fails. It must not allocate, throw or log, so it hands back this fixed record; it
// goes up the pipe, and the parent, which has the plan, makes an Error of it (outcome_text.h).
namespace ballast::isolate {

enum class Step : std::uint16_t {
    kDone, // no failure
#define BALLAST_STEP(name, text) k##name,
#include "runtime/isolate/steps.inc"
#undef BALLAST_STEP
};

// `index` says which of several: the mount, device, path, namespace, limit or group by its place in the plan; -1 none.
struct [[nodiscard]] Outcome {
    Step step = Step::kDone;
    std::int16_t index = -1;
    std::int32_t code = 0;

    bool failed() const { return step != Step::kDone; }
};

inline Outcome done() { return {}; }
inline Outcome failed_at(Step step, int index = -1, int code = errno) {
    return {step, static_cast<std::int16_t>(index), code};
}

} // namespace ballast::isolate

// Returns the failure of `expression` from the enclosing function, if it is one.
#define CHECK_STEP(expression)                                                                                         \
    do {                                                                                                               \
        if (const ::ballast::isolate::Outcome outcome_ = (expression); outcome_.failed()) {                            \
            return outcome_;                                                                                           \
        }                                                                                                              \
    } while (false)
