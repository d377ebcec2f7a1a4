// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/capabilities.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/quote.h"
#include "runtime/oci/spec_names.h"

namespace ballast::engine {
namespace {

constexpr std::array kDefaults =
    std::to_array<const char *>({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD",
                                 "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP",
                                 "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"});
constexpr std::string_view kAll = "ALL";

Result<Texts> normal(const Texts &names, const Texts &all, const char *option) {
    Texts result;
    for (const std::string &name : names) {
        std::string upper = name;
        std::ranges::transform(upper, upper.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (upper != kAll && !upper.starts_with("CAP_")) {
            upper.insert(0, "CAP_");
        }
        if (upper == "CAP_ALL") {
            upper = kAll;
        }
        if (upper != kAll && !std::ranges::contains(all, upper)) {
            return fail(EINVAL, std::string("invalid ") + option + ": unknown capability: " + quote(upper));
        }
        result.push_back(std::move(upper));
    }
    return result;
}

} // namespace

Result<Texts> plan_capabilities(const Texts &add, const Texts &drop, bool privileged, unsigned last) {
    const auto names = oci::capability_names();
    Texts all;
    for (std::size_t number = 0; number < names.size() && number <= last; number++) {
        all.emplace_back(names[number]);
    }
    const Texts added = TRY(normal(add, all, "CapAdd"));
    const Texts dropped = TRY(normal(drop, all, "CapDrop"));
    Texts result;
    if (privileged || (std::ranges::contains(added, kAll) && !std::ranges::contains(dropped, kAll))) {
        result = all;
    } else if (!std::ranges::contains(dropped, kAll)) {
        result.assign(kDefaults.begin(), kDefaults.end());
    }
    if (!privileged) {
        std::erase_if(result, [&dropped](const std::string &name) { return std::ranges::contains(dropped, name); });
        std::ranges::copy_if(added, std::back_inserter(result), [](const std::string &name) { return name != kAll; });
    }
    std::ranges::sort(result);
    result.erase(std::ranges::unique(result).begin(), result.end());
    return result;
}

} // namespace ballast::engine
