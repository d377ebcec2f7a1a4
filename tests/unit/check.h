// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/result.h"

// Results in tests: what was expected, or the test ends with the error's message.
namespace ballast {

template <typename T>
T must(Result<T> result) {
    if (!result.has_value()) {
        FAIL(result.error().message);
    }
    return std::move(*result);
}

inline void must(const Status &status) {
    if (!status.has_value()) {
        FAIL(status.error().message);
    }
}

// The error of a Result that must not hold a value.
template <typename T>
Error error_of(Result<T> result) {
    if (result.has_value()) {
        FAIL("succeeded, and should not have");
    }
    return result.error();
}

inline TemporaryDirectory scratch() {
    return must(TemporaryDirectory::create(std::filesystem::temp_directory_path(), "ballast-unit-"));
}

// For tests that need root: runs `body` in a child with a mount namespace of its own and returns what it returned.
// The test is skipped where such a namespace cannot be had.
inline int in_mount_namespace(const std::function<int()> &body) {
    constexpr int kNoNamespace = 100;
    constexpr int kDied = 101;
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
            ::_exit(kNoNamespace);
        }
        ::_exit(body());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoNamespace) {
        SKIP("needs root, to make a mount namespace");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : kDied;
}

} // namespace ballast
