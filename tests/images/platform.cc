// SPDX-License-Identifier: Apache-2.0
#include "tests/images/platform.h"

#include <array>

namespace ballast::images {
namespace {

struct Known {
    const char *architecture;
    const char *variant;
    const char *debian;
};

constexpr std::array kKnown{Known{"amd64", "", "amd64"},     Known{"arm64", "", "arm64"},
                            Known{"arm", "v7", "armhf"},     Known{"riscv64", "", "riscv64"},
                            Known{"ppc64le", "", "ppc64el"}, Known{"s390x", "", "s390x"}};

} // namespace

std::string Platform::describe() const { return os + "/" + architecture + (variant.empty() ? "" : "/" + variant); }

Result<Platform> parse_platform(const std::string &text) {
    std::string names;
    for (const Known &known : kKnown) {
        Platform platform{"linux", known.architecture, known.variant};
        if (platform.describe() == text) {
            return platform;
        }
        names += (names.empty() ? "" : ", ") + platform.describe();
    }
    return fail(EINVAL, "unknown platform " + text + "; known are " + names);
}

std::string debian_architecture(const Platform &platform) {
    for (const Known &known : kKnown) {
        if (platform.architecture == known.architecture && platform.variant == known.variant) {
            return known.debian;
        }
    }
    return platform.architecture;
}

Platform build_platform() {
#if defined(__x86_64__)
    return {"linux", "amd64", ""};
#elif defined(__aarch64__)
    return {"linux", "arm64", ""};
#else
#error "add this architecture to build_platform()"
#endif
}

} // namespace ballast::images
