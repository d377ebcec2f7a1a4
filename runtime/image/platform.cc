// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/platform.h"

#include <algorithm>
#include <array>
#include <sys/utsname.h>
#include <vector>

#include "base/json/json_tree.h"

namespace ballast::image {
namespace {

struct Alias {
    std::string_view spelling, architecture, variant;
};

constexpr std::array<Alias, 10> kAliases{{{"x86_64", "amd64", ""},
                                          {"x86-64", "amd64", ""},
                                          {"i386", "386", ""},
                                          {"i686", "386", ""},
                                          {"aarch64", "arm64", ""},
                                          {"armhf", "arm", "v7"},
                                          {"armv7l", "arm", "v7"},
                                          {"armel", "arm", "v6"},
                                          {"armv6l", "arm", "v6"},
                                          {"loongarch64", "loong64", ""}}};

constexpr int kArmBelowArm64 = 50; // any arm64 image is better

// The number of "v7", with what the plain architecture stands for. -1: no such variant.
int level(const Platform &platform) {
    if (platform.variant.empty()) {
        return platform.architecture == "arm" ? 7 : platform.architecture == "arm64" ? 8 : 1;
    }
    if (platform.variant.size() != 2 || platform.variant[0] != 'v' || platform.variant[1] < '1' ||
        platform.variant[1] > '9') {
        return -1;
    }
    return platform.variant[1] - '0';
}

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
}

} // namespace

Platform normalized(Platform platform) {
    const auto lower = [](std::string &text) {
        std::ranges::transform(text, text.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    };
    lower(platform.os);
    lower(platform.architecture);
    lower(platform.variant);
    const auto alias = std::ranges::find(kAliases, platform.architecture, &Alias::spelling);
    if (alias != kAliases.end()) {
        platform.architecture = alias->architecture;
        if (platform.variant.empty()) {
            platform.variant = alias->variant;
        }
    }
    if (!platform.variant.empty() && platform.variant[0] >= '0' && platform.variant[0] <= '9') {
        platform.variant.insert(0, "v");
    }
    const bool plain = (platform.architecture == "arm64" && platform.variant == "v8") ||
                       (platform.architecture == "amd64" && platform.variant == "v1");
    if (plain) {
        platform.variant.clear();
    } else if (platform.architecture == "arm" && platform.variant.empty()) {
        platform.variant = "v7";
    }
    return platform;
}

Platform Platform::own() {
    utsname name{};
    (void)uname(&name); // cannot fail with a pointer of ours
    return normalized(Platform{.os = "linux", .architecture = name.machine, .variant = "", .os_version = ""});
}

Result<Platform> Platform::parse(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('/', at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    if (words.size() > 3 || !std::ranges::all_of(words, is_word)) {
        return fail(EINVAL, "platform " + shortly_quoted(text) + ": want OS[/ARCHITECTURE[/VARIANT]]");
    }
    Platform platform = own();
    if (words.size() == 1) {
        // One word is an operating system when it is a known one.
        if (words[0] == "linux" || words[0] == "windows" || words[0] == "darwin" || words[0] == "freebsd") {
            platform.os = words[0];
            return platform;
        }
        platform.architecture = words[0];
        platform.variant.clear();
        return normalized(platform);
    }
    platform.os = words[0];
    platform.architecture = words[1];
    platform.variant = words.size() == 3 ? words[2] : "";
    return normalized(platform);
}

std::string Platform::text() const {
    std::string text = os + "/" + architecture;
    return variant.empty() ? text : text + "/" + variant;
}

int platform_rank(const Platform &wanted_as_given, const Platform &offered_as_given) {
    const Platform wanted = normalized(wanted_as_given);
    const Platform offered = normalized(offered_as_given);
    if (wanted.os != offered.os) {
        return 0;
    }
    const int most = level(wanted);
    const int needs = level(offered);
    if (wanted.architecture == offered.architecture) {
        if (wanted.variant == offered.variant) {
            return 1000;
        }
        return most < 0 || needs < 0 || needs > most ? 0 : 100 + needs;
    }
    // An ARM of 64 bits runs what was made for 32, up to v8.
    return wanted.architecture == "arm64" && offered.architecture == "arm" && needs > 0 && needs <= 8
               ? kArmBelowArm64 + needs
               : 0;
}

} // namespace ballast::image
