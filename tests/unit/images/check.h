// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "tests/unit/check.h"

namespace ballast::images {

// The message of a Result that must not hold a value.
template <typename T>
std::string message_of(Result<T> result) {
    return error_of(std::move(result)).message;
}

} // namespace ballast::images
