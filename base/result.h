// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <utility>

// How functions of Ballast fail: Result<T> holds a value or an Error; TRY() unwraps or returns the error.
namespace ballast {

// `code` is errno-like (EINVAL for bad input); `message` reads outermost context first:
// "make disk: mke2fs: No space left on device".
struct Error {
    int code = EIO;
    std::string message;
};

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  public:
    using std::expected<T, Error>::expected;
    using Value = T;

    // The same result; an error's message gets `context` and a colon in front.
    Result within(const std::string &context) && {
        if (!this->has_value()) {
            this->error().message = context + ": " + this->error().message;
        }
        return std::move(*this);
    }
};

using Status = Result<void>;

// An error with the given message.
std::unexpected<Error> fail(int code, std::string message);
// An error that ends in the text of `code` (by default the current errno): "open /x: Permission denied".
std::unexpected<Error> fail_errno(const std::string &what, int code = errno);

} // namespace ballast

// Value of a Result, or return its error from the enclosing function. Calls may be nested: every one names its own.
// NOLINTBEGIN(bugprone-macro-parentheses): a declared name cannot stand in parentheses
#define TRY(expression) BALLAST_TRY_EXPAND(expression, __COUNTER__)
#define BALLAST_TRY_EXPAND(expression, number) BALLAST_TRY_PASTE(expression, number)
#define BALLAST_TRY_PASTE(expression, number) BALLAST_TRY_NAMED(expression, try_result_##number)
#define BALLAST_TRY_NAMED(expression, name)                                                                            \
    __extension__({                                                                                                    \
        auto name = (expression);                                                                                      \
        if (!name.has_value()) {                                                                                       \
            return std::unexpected(std::move(name).error());                                                           \
        }                                                                                                              \
        ::ballast::detail::unwrap(std::move(name));                                                                    \
    })
// NOLINTEND(bugprone-macro-parentheses)

namespace ballast::detail {
template <typename T>
T unwrap(Result<T> &&result) {
    return std::move(*result);
}
inline void unwrap(Result<void> &&) {}
} // namespace ballast::detail
