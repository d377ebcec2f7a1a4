// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/digest.h"
#include "base/quote.h"
#include "runtime/engine/names.h"
#include "runtime/engine/pods.h"

namespace ballast::engine {
namespace {

constexpr std::size_t kLongest = 255, kKept = 190; // of a name that is too long, before its digest

Status check_part(const char *what, const std::string &part) {
    const bool letters = std::ranges::all_of(part, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_';
    });
    if (part.empty() || part.size() > kLongest) {
        return fail(EINVAL, std::string("metadata: want a ") + what + " of 1 to 255 characters");
    }
    return letters ? Status()
                   : fail(EINVAL, std::string("metadata: ") + what + " " + quote(part) +
                                      ": want letters, digits, '.', '-' and '_' alone");
}

std::string joined(const std::string &first, const Pod &sandbox, std::uint32_t attempt) {
    std::string name = "k8s_" + first + "_" + sandbox.name + "_" + sandbox.name_space + "_" + sandbox.uid + "_" +
                       std::to_string(attempt);
    return name.size() <= kLongest ? name : name.substr(0, kKept) + "_" + sha256(name);
}

} // namespace

Result<std::string> sandbox_name(const Pod &sandbox) {
    TRY(check_part("name", sandbox.name));
    TRY(check_part("namespace", sandbox.name_space));
    TRY(check_part("uid", sandbox.uid));
    return joined("POD", sandbox, sandbox.attempt);
}

Result<std::string> container_name(const Pod &container, const Pod &sandbox) {
    TRY(check_part("name", container.name));
    return joined(container.name, sandbox, container.attempt);
}

} // namespace ballast::engine
