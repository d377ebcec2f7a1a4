// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cstring>

namespace ballast {

std::unexpected<Error> fail(int code, std::string message) { return std::unexpected(Error{code, std::move(message)}); }

std::unexpected<Error> fail_errno(const std::string &what, int code) {
    // Untranslated and thread-safe, unlike strerror(3): messages do not depend on the locale.
    const char *text = strerrordesc_np(code);
    return fail(code, what + ": " + (text != nullptr ? std::string(text) : "error " + std::to_string(code)));
}

} // namespace ballast
